// SQLite's C interface in terms of this folder: values, results, and who owns what.
#pragma once

#include <sqlite3.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "engine/sql_value.h"

namespace kimdb::database::sql {

struct SqliteDeleter {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  void operator()(char* text) const { sqlite3_free(text); }
};
using SqlitePointer = std::unique_ptr<sqlite3, SqliteDeleter>;
using StatementPointer = std::unique_ptr<sqlite3_stmt, SqliteDeleter>;
using SqliteText = std::unique_ptr<char, SqliteDeleter>;

// Valid as long as SQLite's value is.
inline engine::SqlValue value_of(sqlite3_value* value) {
  using engine::SqlValue;
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return SqlValue::of(std::int64_t{sqlite3_value_int64(value)});
    case SQLITE_FLOAT:
      return SqlValue::of(sqlite3_value_double(value));
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
      return SqlValue::text({text, static_cast<std::size_t>(sqlite3_value_bytes(value))});
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
      return SqlValue::blob({bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))});
    }
    default:
      return {};
  }
}

inline engine::SqlValue column_of(sqlite3_stmt* statement, int column) {
  return value_of(sqlite3_column_value(statement, column));
}

// `keeps`: SQLITE_STATIC where the bytes stay as long as the statement runs, else SQLITE_TRANSIENT.
inline void set_result(sqlite3_context* context, const engine::SqlValue& value,
                       sqlite3_destructor_type keeps) {
  using Kind = engine::SqlValue::Kind;
  switch (value.kind) {
    case Kind::null:
      return sqlite3_result_null(context);
    case Kind::integer:
      return sqlite3_result_int64(context, value.integer);
    case Kind::real:
      return sqlite3_result_double(context, value.real);
    case Kind::text:
      return sqlite3_result_text64(context, value.bytes.data(), value.bytes.size(), keeps,
                                   SQLITE_UTF8);
    case Kind::blob:
      return sqlite3_result_blob64(context, value.bytes.empty() ? "" : value.bytes.data(),
                                   value.bytes.size(), keeps);
  }
}

// The same for a parameter, from 1. The bytes are copied.
inline int bind_value(sqlite3_stmt* statement, int parameter, const engine::SqlValue& value) {
  using Kind = engine::SqlValue::Kind;
  switch (value.kind) {
    case Kind::null:
      return sqlite3_bind_null(statement, parameter);
    case Kind::integer:
      return sqlite3_bind_int64(statement, parameter, value.integer);
    case Kind::real:
      return sqlite3_bind_double(statement, parameter, value.real);
    case Kind::text:
      return sqlite3_bind_text64(statement, parameter, value.bytes.data(), value.bytes.size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8);
    case Kind::blob:
      return sqlite3_bind_blob64(statement, parameter,
                                 value.bytes.empty() ? "" : value.bytes.data(), value.bytes.size(),
                                 SQLITE_TRANSIENT);
  }
  return SQLITE_OK;
}

// The same with bytes of its own, in `kept`.
inline engine::SqlValue kept_value(engine::SqlValue value, std::deque<std::string>& kept) {
  const bool has_bytes =
      value.kind == engine::SqlValue::Kind::text || value.kind == engine::SqlValue::Kind::blob;
  if (has_bytes) value.bytes = kept.emplace_back(value.bytes);
  return value;
}

// "a""b": a name as SQL writes it.
inline std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') quoted += '"';
  }
  return quoted + '"';
}

}  // namespace kimdb::database::sql
