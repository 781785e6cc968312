// A value as SQL knows it, borrowed: null, a whole number, a double, text (UTF-8) or bytes. Their
// order is SQLite's: null, numbers by value, text by its bytes, bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace kimdb::engine {

struct SqlValue {
  enum class Kind : std::uint8_t { null, integer, real, text, blob };

  Kind kind = Kind::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes;  // of text and blob

  static SqlValue of(std::int64_t value) { return {Kind::integer, value, 0, {}}; }
  static SqlValue of(double value) { return {Kind::real, 0, value, {}}; }
  static SqlValue text(std::string_view value) { return {Kind::text, 0, 0, value}; }
  static SqlValue blob(std::string_view value) { return {Kind::blob, 0, 0, value}; }

  bool is_null() const { return kind == Kind::null; }
  friend bool operator==(const SqlValue&, const SqlValue&) = default;
};

}  // namespace kimdb::engine
