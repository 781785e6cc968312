#include "base/units.h"

#include <array>
#include <limits>

#include "base/ascii.h"

namespace kimdb {
namespace {

constexpr std::uint64_t kSizeMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kDurationMaxUs = std::uint64_t{1} << 53;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first one that divides the value.
constexpr std::array<Unit, 10> kSizeUnits{{{"GB", 1 << 30},
                                           {"MB", 1 << 20},
                                           {"KB", 1 << 10},
                                           {"B", 1},
                                           {"GiB", 1 << 30},
                                           {"MiB", 1 << 20},
                                           {"KiB", 1 << 10},
                                           {"G", 1 << 30},
                                           {"M", 1 << 20},
                                           {"K", 1 << 10}}};
constexpr std::array<Unit, 5> kDurationUnits{
    {{"h", 3'600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000}, {"us", 1}}};

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (equals_ignoring_case(unit.name, name)) return &unit;
  }
  return nullptr;
}

// Takes leading characters for which `wanted` holds.
template <class Wanted>
std::string_view take_while(std::string_view& text, Wanted wanted) {
  std::size_t length = 0;
  while (length < text.size() && wanted(text[length])) ++length;
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// value = whole.fraction × factor, exactly; false on overflow of `max` or a remainder.
bool scaled(std::uint64_t whole, std::string_view fraction, std::uint64_t factor, std::uint64_t max,
            std::uint64_t& value) {
  if (whole > max / factor) return false;
  value = whole * factor;
  std::uint64_t place = factor;
  for (const char digit : fraction) {
    if (digit == '0' && place % 10 != 0) continue;
    if (place % 10 != 0) return false;
    place /= 10;
    value += place * static_cast<std::uint64_t>(digit - '0');
  }
  return value <= max;
}

}  // namespace

Result<std::uint64_t> parse_integer(std::string_view text) {
  if (text.empty()) return invalid("a number is missing");
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return invalid("not a whole number");
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
      return invalid("the number is too large");
    }
    value = value * 10 + digit;
  }
  return value;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = trimmed(text);
  const std::string_view digits = take_while(rest, is_digit);
  if (digits.empty()) return invalid("not a size (write 4096, 4KB, 10MB or 1GB)");
  const Result<std::uint64_t> number = parse_integer(digits);
  if (!number) return number.error();
  const std::string_view name = trimmed(rest);
  const Unit* unit = name.empty() ? &kSizeUnits[3] : find_unit(kSizeUnits, name);
  if (unit == nullptr) return invalid("unknown unit of size (known: B, KB, MB, GB)");
  if (*number > kSizeMax / unit->factor) return invalid("the size is too large");
  return *number * unit->factor;
}

Result<std::chrono::microseconds> parse_duration(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (rest == "0") return std::chrono::microseconds(0);
  if (rest.empty()) return invalid("not a duration (write 500ms, 10s, 5m or 1h)");
  std::uint64_t total = 0;
  while (!rest.empty()) {
    const std::string_view digits = take_while(rest, is_digit);
    if (digits.empty()) return invalid("not a duration (write 500ms, 10s, 5m or 1h)");
    std::string_view fraction;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      fraction = take_while(rest, is_digit);
      if (fraction.empty()) return invalid("not a duration: digits are missing after the point");
    }
    const std::string_view name =
        trimmed(take_while(rest, [](char c) { return !is_digit(c) && c != '.'; }));
    if (name.empty()) return invalid("the unit is missing (ms, s, m or h)");
    const Unit* unit = find_unit(kDurationUnits, name);
    if (unit == nullptr) return invalid("unknown unit of time (known: us, ms, s, m, h)");
    const Result<std::uint64_t> number = parse_integer(digits);
    if (!number) return number.error();
    std::uint64_t part = 0;
    if (!scaled(*number, fraction, unit->factor, kDurationMaxUs, part) ||
        part > kDurationMaxUs - total) {
      return invalid("the duration is too long or too fine");
    }
    total += part;
  }
  return std::chrono::microseconds(total);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const Unit& unit : kSizeUnits) {
    if (bytes % unit.factor == 0) {
      return std::to_string(bytes / unit.factor).append(unit.name);
    }
  }
  return std::to_string(bytes);
}

std::string format_duration(std::chrono::microseconds duration) {
  if (duration.count() <= 0) return "0";
  auto rest = static_cast<std::uint64_t>(duration.count());
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (rest < unit.factor) continue;
    text.append(std::to_string(rest / unit.factor)).append(unit.name);
    rest %= unit.factor;
  }
  return text;
}

}  // namespace kimdb
