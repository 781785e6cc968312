// Numbers in the text forms that Redis accepts and prints. Pure; any thread. In Redis 7.0:
// string2ll, getDoubleFromObject, getLongDoubleFromObject (util.c, object.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kimdb::protocol {

// The canonical decimal form of a 64-bit integer and nothing else: no plus sign, no leading zero,
// no "-0", no space.
std::optional<std::int64_t> parse_integer(std::string_view text);

// Whatever strtod reads to its end ("1e3", "0x10", "inf"), without spaces before it; no NaN,
// nothing that overflows or vanishes. The C locale must be in force.
std::optional<double> parse_double(std::string_view text);

// The same in the precision that INCRBYFLOAT calculates in.
std::optional<long double> parse_long_double(std::string_view text);

// INCRBYFLOAT's result: "%.17Lf" without trailing zeros; never in exponents.
std::string format_long_double(long double value);

// "%.17g", as Redis 7.0 prints a double in a reply; "inf", "-inf", "nan".
std::string format_double(double value);

// The longest that write_integer writes: "-9223372036854775808".
constexpr std::size_t kIntegerBytesMax = 20;

// Writes `value` in decimal to `out` and returns the end of it.
char* write_integer(char* out, std::int64_t value);

}  // namespace kimdb::protocol
