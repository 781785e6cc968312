// Ids that sort by the time they were made: ULID (https://github.com/ulid/spec). 48 bits of Unix
// milliseconds, then 80 random ones, as 26 characters of Crockford's base 32.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"

namespace kimdb {

std::string make_ulid(std::int64_t unix_ms, Random& random);

}  // namespace kimdb
