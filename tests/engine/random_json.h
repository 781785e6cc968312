// JSON values made at random, small enough to be alike now and then.
#pragma once

#include <string>

#include "base/random.h"

namespace kimdb::engine::test {

// "a", "b" or "c".
std::string random_name(Random& random);
std::string random_number(Random& random);
std::string random_value(Random& random, int depth);
std::string random_object(Random& random, int depth);

}  // namespace kimdb::engine::test
