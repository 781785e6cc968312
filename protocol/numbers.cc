#include "protocol/numbers.h"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/ascii.h"

namespace kimdb::protocol {
namespace {

constexpr std::size_t kLongDoubleBytesMax =
    5 * 1024;  // Redis' MAX_LONG_DOUBLE_CHARS: the largest has 4933 digits

// `parse` is strtod or strtold.
template <class Float>
std::optional<Float> parse_float(std::string_view text, Float (*parse)(const char*, char**)) {
  if (text.empty() || text.size() >= kLongDoubleBytesMax) return std::nullopt;
  if (std::isspace(static_cast<unsigned char>(text[0])) != 0) return std::nullopt;
  char buffer[kLongDoubleBytesMax];
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  const Float value = parse(buffer, &end);
  if (end != buffer + text.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.empty() || text.size() > kIntegerBytesMax) return std::nullopt;
  const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
  if (digits.empty() || !is_digit(digits[0])) return std::nullopt;
  if (digits[0] == '0' && text.size() > 1) return std::nullopt;  // "07" and "-0" alike
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view text) {
  return parse_float<double>(text, std::strtod);
}

std::optional<long double> parse_long_double(std::string_view text) {
  return parse_float<long double>(text, std::strtold);
}

std::string format_long_double(long double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (std::isnan(value)) return "nan";
  char buffer[kLongDoubleBytesMax];
  int size = std::snprintf(buffer, sizeof buffer, "%.17Lf", value);
  // "%.17Lf" always has a '.', where the zeros end.
  while (buffer[size - 1] == '0') --size;
  if (buffer[size - 1] == '.') --size;
  const std::string_view text(buffer, static_cast<std::size_t>(size));
  return std::string(text == "-0" ? "0" : text);
}

std::string format_double(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (std::isnan(value)) return "nan";
  char buffer[32];
  const int size = std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return std::string(buffer, static_cast<std::size_t>(size));
}

char* write_integer(char* out, std::int64_t value) {
  return std::to_chars(out, out + kIntegerBytesMax, value).ptr;
}

}  // namespace kimdb::protocol
