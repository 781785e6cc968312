// Times as people write them. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace kimdb {

// ms since 1970, UTC, of a year from 0 to 9999: "2026-11-21T08:00:00.250", with `separator` for the
// T. Without whole_seconds_end_there milliseconds are written in any case.
void append_time(std::string& out, std::int64_t unix_ms, char separator,
                 bool whole_seconds_end_there);

}  // namespace kimdb
