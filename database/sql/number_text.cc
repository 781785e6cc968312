#include "database/sql/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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

}  // namespace

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
