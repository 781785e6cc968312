#include "database/sql/column_value.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "database/sql/number_text.h"
#include "database/sql/timestamp.h"
#include "engine/json_tree.h"

namespace kimdb::database::sql {

using engine::Column;
using engine::ColumnType;
using engine::SqlValue;
using Kind = SqlValue::Kind;

namespace {

constexpr std::size_t kShownBytes = 60;

// A double that is a whole number of 64 bits.
std::optional<std::int64_t> whole(double real) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(real >= -kLimit && real < kLimit) || std::trunc(real) != real) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

std::string text_of(const SqlValue& value) {
  if (value.kind == Kind::integer) return std::to_string(value.integer);
  // As SQLite writes it: 15 digits, and never like a whole number.
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.15g", value.real);
  std::string text(buffer.data());
  if (text.find_first_of(".n") == std::string::npos)
    text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

std::optional<std::int64_t> boolean_in(std::string_view text) {
  for (const std::string_view word : {"true", "t", "yes", "y", "on", "1"})
    if (equals_ignoring_case(text, word)) return 1;
  for (const std::string_view word : {"false", "f", "no", "n", "off", "0"})
    if (equals_ignoring_case(text, word)) return 0;
  return std::nullopt;
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

Error refused(const Column& column, const std::string& what) {
  return {ErrorCode::invalid_argument, what + " for column " + column.name};
}

Error mismatch(const Column& column, const SqlValue& value) {
  const std::string type(engine::type_name(column.type));
  const bool vowel = type[0] == 'I';
  return {ErrorCode::invalid_argument, "type mismatch for column " + column.name + ": value " +
                                           in_words(value) + " is not " + (vowel ? "an " : "a ") +
                                           type};
}

Error out_of_range(const Column& column, const SqlValue& value) {
  return {ErrorCode::invalid_argument, "value " + in_words(value) + " is out of range for " +
                                           engine::full_type_name(column) + " column " +
                                           column.name};
}

Result<SqlValue> stored_integer(const Column& column, const SqlValue& value) {
  std::optional<SqlValue> number = value;
  if (value.kind == Kind::text) number = number_in(value.bytes);
  if (!number || number->kind == Kind::blob) return mismatch(column, value);
  std::optional<std::int64_t> integer = number->integer;
  if (number->kind == Kind::real) integer = whole(number->real);
  const bool too_large = number->kind == Kind::real && std::abs(number->real) >= 0x1p63;
  if (!integer && !too_large) return mismatch(column, value);
  if (too_large ||
      (column.type == ColumnType::integer && (*integer < INT32_MIN || *integer > INT32_MAX)))
    return out_of_range(column, value);
  return SqlValue::of(*integer);
}

Result<SqlValue> stored_number(const Column& column, const SqlValue& value) {
  std::optional<SqlValue> number = value;
  if (value.kind == Kind::text) number = number_in(value.bytes);
  if (!number || number->kind == Kind::blob) return mismatch(column, value);
  if (column.type == ColumnType::real) {
    const double real =
        number->kind == Kind::integer ? static_cast<double>(number->integer) : number->real;
    return SqlValue::of(real == 0 ? 0.0 : real);  // -0 is none of SQLite's either
  }
  if (column.precision == 0) return *number;
  if (const auto decimal = rounded_decimal(*number, column.precision, column.scale))
    return *decimal;
  return out_of_range(column, value);
}

Result<SqlValue> stored_text(const Column& column, const SqlValue& value, std::string& kept) {
  if (value.kind == Kind::blob) return mismatch(column, value);
  SqlValue text = value;
  if (value.kind != Kind::text) {
    kept = text_of(value);
    text = SqlValue::text(kept);
  }
  if (!is_utf8(text.bytes)) return refused(column, "invalid UTF-8");
  const bool too_long = column.length_max != 0 && text.bytes.size() > column.length_max &&
                        code_points(text.bytes) > column.length_max;
  if (too_long)
    return Error{ErrorCode::invalid_argument, "value too long for column " + column.name + ": " +
                                                  std::to_string(code_points(text.bytes)) +
                                                  " characters, VARCHAR(" +
                                                  std::to_string(column.length_max) + ")"};
  if (column.type == ColumnType::json)
    if (const auto tree = engine::parse_json_tree(text.bytes); !tree)
      return refused(column, "invalid JSON (" + tree.error().message + ")");
  return text;
}

}  // namespace

std::string in_words(const SqlValue& value) {
  if (value.is_null()) return "NULL";
  if (value.kind == Kind::blob) return "of " + std::to_string(value.bytes.size()) + " bytes";
  if (value.kind != Kind::text) return text_of(value);
  std::size_t shown = std::min(value.bytes.size(), kShownBytes);
  while (shown > 0 && shown < value.bytes.size() && (value.bytes[shown] & 0xc0) == 0x80) --shown;
  return "'" + std::string(value.bytes.substr(0, shown)) +
         (shown < value.bytes.size() ? "…'" : "'");
}

Result<SqlValue> stored_value(const Column& column, const SqlValue& value, std::string& kept) {
  if (value.is_null()) return SqlValue{};
  switch (column.type) {
    case ColumnType::integer:
    case ColumnType::bigint:
      return stored_integer(column, value);
    case ColumnType::real:
    case ColumnType::decimal:
      return stored_number(column, value);
    case ColumnType::text:
    case ColumnType::json:
      return stored_text(column, value, kept);
    case ColumnType::boolean: {
      std::optional<std::int64_t> truth;
      if (value.kind == Kind::text) truth = boolean_in(value.bytes);
      if (value.kind == Kind::integer && (value.integer == 0 || value.integer == 1))
        truth = value.integer;
      if (!truth) return mismatch(column, value);
      return SqlValue::of(*truth);
    }
    case ColumnType::timestamp: {
      const auto time = value.kind == Kind::text ? parse_timestamp(value.bytes) : std::nullopt;
      if (!time) return mismatch(column, value);
      return SqlValue::of(*time);
    }
    case ColumnType::blob:
      if (value.kind != Kind::blob && value.kind != Kind::text) return mismatch(column, value);
      return SqlValue::blob(value.bytes);
  }
  return mismatch(column, value);
}

bool compares_unknowably(ColumnType type, const SqlValue& value) {
  return (type == ColumnType::text || type == ColumnType::json) &&
         (value.kind == Kind::integer || value.kind == Kind::real);
}

std::optional<SqlValue> compared_value(ColumnType type, const SqlValue& value) {
  switch (type) {
    case ColumnType::text:
    case ColumnType::json:
      if (value.kind != Kind::text) return std::nullopt;
      return value;
    case ColumnType::timestamp: {
      const auto time = value.kind == Kind::text ? parse_timestamp(value.bytes) : std::nullopt;
      if (!time) return std::nullopt;
      return SqlValue::of(*time);
    }
    case ColumnType::blob:
      if (value.kind != Kind::blob) return std::nullopt;
      return value;
    default:
      if (value.kind == Kind::integer || value.kind == Kind::real) return value;
      return value.kind == Kind::text ? number_in(value.bytes) : std::nullopt;
  }
}

SqlValue shown_value(ColumnType type, const SqlValue& stored, std::string& kept) {
  if (type != ColumnType::timestamp || stored.is_null()) return stored;
  kept.clear();
  append_timestamp(kept, stored.integer);
  return SqlValue::text(kept);
}

}  // namespace kimdb::database::sql
