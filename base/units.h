// Sizes and durations as people write them: "4KB", "10MB", "500ms", "1m30s".
//
// Pure functions. Units are read in any case. KB, MB and GB are 1024, 1024² and 1024³ bytes, as
// KiB, MiB and GiB are; a number without a unit is bytes. A duration needs a unit (only 0 does
// without), because the same number means seconds to one reader and milliseconds to another; parts
// add up ("1h30m") and may be fractions ("1.5s").
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kimdb {

// Whole decimal digits, nothing else. invalid_argument for anything else or above 2^64 - 1.
Result<std::uint64_t> parse_integer(std::string_view text);

// Bytes. invalid_argument where the unit is unknown, the number is missing or the result exceeds
// 2^63 - 1.
Result<std::uint64_t> parse_size(std::string_view text);

// Units us, ms, s, m, h. invalid_argument where a unit is missing or unknown, where the result
// exceeds 2^53 microseconds (285 years) or is no whole number of microseconds.
Result<std::chrono::microseconds> parse_duration(std::string_view text);

// The shortest text that parses back to the same value: "10MB", "1000B", "0".
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::chrono::microseconds duration);

}  // namespace kimdb
