#include "database/sql/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/ascii.h"
#include "database/sql/sqlite.h"
#include "database/sql/statement_memory.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

// Casts text as SQLite does.
class Caster {
 public:
  Caster() {
    install_allocator();
    sqlite3* database = nullptr;
    sqlite3_open_v2(":memory:", &database,
                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(database);
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database, "SELECT CAST(? AS REAL)", -1, &statement, nullptr);
    statement_.reset(statement);
  }
  // Nothing where there is no memory.
  std::optional<double> real(std::string_view text) {
    bind_value(statement_.get(), 1, SqlValue::text(text));
    std::optional<double> real;
    if (sqlite3_step(statement_.get()) == SQLITE_ROW)
      real = sqlite3_column_double(statement_.get(), 0);
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    return real;
  }

 private:
  SqlitePointer database_;
  StatementPointer statement_;
};

std::optional<double> real_of(std::string_view text) {
  thread_local Caster caster;
  return caster.real(text);
}

// The longest double without an exponent: a sign, 309 digits, or "0." and 324 zeros and digits.
constexpr std::size_t kRealBytes = 400;

// Without an exponent, in the shortest digits; of a whole number all of them.
std::string plain_text(const SqlValue& number) {
  if (number.kind == SqlValue::Kind::integer) return std::to_string(number.integer);
  char buffer[kRealBytes];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof buffer, number.real, std::chars_format::fixed).ptr;
  return {buffer, static_cast<std::size_t>(end - buffer)};
}

// "-1.005" to "-1.01".
std::string rounded(std::string text, std::uint32_t scale) {
  const std::size_t point = text.find('.');
  if (point == std::string::npos || text.size() - point - 1 <= scale) return text;
  const bool up = text[point + 1 + scale] >= '5';
  text.resize(scale == 0 ? point : point + 1 + scale);
  const bool negative = text[0] == '-';
  std::size_t at = text.size();
  bool carries = up;
  while (carries && at > (negative ? 1 : 0)) {
    char& digit = text[--at];
    if (digit == '.') continue;
    carries = digit == '9';
    digit = carries ? '0' : static_cast<char>(digit + 1);
  }
  if (carries) text.insert(negative ? 1 : 0, "1");
  return text;
}

}  // namespace

std::string real_text(double real) {
  if (real == 0) return "0.0";  // -0 as well, as SQLite shows it
  constexpr double kFixedMin = 1e-4, kFixedMax = 1e15;
  const bool fixed = std::abs(real) >= kFixedMin && std::abs(real) < kFixedMax;
  char buffer[kRealBytes];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof buffer, real,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  std::string text(buffer, static_cast<std::size_t>(end - buffer));
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

std::string decimal_text(const SqlValue& number, std::uint32_t scale) {
  std::string text = rounded(plain_text(number), scale);
  if (scale == 0) return text;
  std::size_t point = text.find('.');
  if (point == std::string::npos) {
    point = text.size();
    text += '.';
  }
  text.append(point + 1 + scale - text.size(), '0');
  if (text[0] == '-' && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

std::optional<SqlValue> rounded_decimal(const SqlValue& number, std::uint32_t precision,
                                        std::uint32_t scale) {
  if (number.kind == SqlValue::Kind::real && !std::isfinite(number.real)) return std::nullopt;
  const std::string text = rounded(plain_text(number), scale);
  const std::size_t begin = text[0] == '-' ? 1 : 0;
  const std::size_t first = std::min(text.find_first_not_of('0', begin), text.size());
  const std::size_t point = std::min(text.find('.'), text.size());
  if (first < point && point - first > precision - scale) return std::nullopt;
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  const auto whole = std::from_chars(text.data(), end, integer);
  const bool is_whole = whole.ec == std::errc() && whole.ptr == end;
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (is_whole && (scale == 0 || integer > kExact || integer < -kExact))
    return SqlValue::of(integer);
  double real = 0;
  std::from_chars(text.data(), end, real);
  return SqlValue::of(real == 0 ? 0.0 : real);
}

std::optional<SqlValue> plain_number(std::string_view digits) {
  constexpr std::size_t kExactDigits = 15;
  constexpr std::size_t kExactDecimals = 3;
  const char* const end = digits.data() + digits.size();
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return is_digit(c) || c == '.'; }))
    return std::nullopt;
  std::int64_t integer = 0;
  if (const auto read = std::from_chars(digits.data(), end, integer);
      read.ec == std::errc() && read.ptr == end)
    return SqlValue::of(integer);
  const std::size_t point = digits.find('.');
  if (digits.size() > kExactDigits || point == std::string_view::npos ||
      digits.size() - point - 1 > kExactDecimals)
    return std::nullopt;
  double real = 0;
  if (const auto read = std::from_chars(digits.data(), end, real);
      read.ec != std::errc() || read.ptr != end)
    return std::nullopt;
  return SqlValue::of(real);
}

std::optional<SqlValue> number_in(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return std::nullopt;
  text = text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  const bool negative = text[0] == '-';
  std::string_view digits = text;
  if (negative || text[0] == '+') digits.remove_prefix(1);
  if (const auto plain = plain_number(digits)) {
    if (plain->kind == SqlValue::Kind::real)
      return SqlValue::of(negative ? -plain->real : plain->real);
    return SqlValue::of(negative ? -plain->integer : plain->integer);
  }
  // from_chars knows "inf" and "nan", SQL does not.
  if (digits.empty() || !(is_digit(digits[0]) || digits[0] == '.')) return std::nullopt;
  const char* const end = digits.data() + digits.size();
  if (negative)  // of the smallest one there is no positive one
    if (std::int64_t integer = 0; std::from_chars(text.data(), end, integer).ptr == end &&
                                  std::from_chars(text.data(), end, integer).ec == std::errc())
      return SqlValue::of(integer);
  double real = 0;
  if (std::from_chars(digits.data(), end, real).ptr != end) return std::nullopt;
  const auto read = real_of(text);
  if (!read || !std::isfinite(*read)) return std::nullopt;
  return SqlValue::of(*read);
}

}  // namespace kimdb::database::sql
