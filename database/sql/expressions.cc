#include "database/sql/expressions.h"

#include <utility>

#include "database/sql/time_comparison.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

Error sqlite_error(sqlite3* handle) {
  return {ErrorCode::invalid_argument, sqlite3_errmsg(handle)};
}

Result<StatementPointer> prepare(sqlite3* handle, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (code != SQLITE_OK) return sqlite_error(handle);
  return StatementPointer(statement);
}

// The line break ends a comment in it.
std::string in_parentheses(const std::string& sql) { return "(" + sql + "\n)"; }

// What SQLite calls the type by which it compares a column's values. None of these casts changes a
// value that the column can store.
std::string_view affinity_name(engine::ColumnType type) {
  switch (type) {
    case engine::ColumnType::integer:
    case engine::ColumnType::bigint:
      return "INTEGER";
    case engine::ColumnType::real:
      return "REAL";
    case engine::ColumnType::decimal:
    case engine::ColumnType::boolean:
      return "NUMERIC";
    case engine::ColumnType::text:
    case engine::ColumnType::timestamp:
    case engine::ColumnType::json:
      return "TEXT";
    case engine::ColumnType::blob:
      return "BLOB";
  }
  return "BLOB";
}

std::string sql_of_default(const std::string& sql) { return "SELECT " + in_parentheses(sql); }

std::string sql_of_check(const engine::TableSchema& schema, const engine::Check& check) {
  const std::string sql = in_parentheses(check.sql);
  return with_time_collation(sql,
                             [&](const std::string& name) {
                               const auto place = schema.find_column(name);
                               return place &&
                                      schema.columns[*place].type == engine::ColumnType::timestamp;
                             })
      .value_or(sql);
}

// The value as one of the column's, which SQLite compares with others by the column's type.
std::string as_column(const std::string& value, const engine::Column& column) {
  return "CAST(" + value + " AS " + std::string(affinity_name(column.type)) + ")" +
         (column.type == engine::ColumnType::timestamp ? " COLLATE timestamp" : "") + " AS " +
         quoted_name(column.name);
}

// SELECT (check), (check) FROM (SELECT CAST(?1 AS INTEGER) AS "a", CAST(?2 AS TEXT) AS "b")
std::string sql_of_checks(const engine::TableSchema& schema) {
  std::string sql = "SELECT ";
  for (const engine::Check& check : schema.checks)
    sql += (sql.back() == ' ' ? "" : ", ") + sql_of_check(schema, check);
  sql += " FROM (SELECT ";
  for (std::size_t place = 0; place < schema.columns.size(); ++place) {
    if (schema.columns[place].dropped) continue;
    if (sql.back() != ' ') sql += ", ";
    sql += as_column("?" + std::to_string(place + 1), schema.columns[place]);
  }
  return sql + ") AS " + quoted_name(schema.name);
}

// SELECT 1 FROM (SELECT CAST(NULL AS INTEGER) AS "a") WHERE (check): there SQLite refuses functions
// over several rows, and the only parameters are those of the check.
std::string sql_with_condition(const engine::TableSchema& schema, const engine::Check& check) {
  std::string sql = "SELECT 1 FROM (SELECT ";
  for (const engine::Column& column : schema.columns) {
    if (column.dropped) continue;
    if (sql.back() != ' ') sql += ", ";
    sql += as_column("NULL", column);
  }
  return sql + ") AS " + quoted_name(schema.name) + " WHERE " + sql_of_check(schema, check);
}

Status check_expression(sqlite3* handle, const std::string& what, const std::string& sql) {
  const auto prepared = prepare(handle, sql);
  if (!prepared) return Error{ErrorCode::invalid_argument, what + ": " + prepared.error().message};
  if (sqlite3_bind_parameter_count(prepared->get()) > 0)
    return Error{ErrorCode::invalid_argument, what + " has a parameter"};
  return {};
}

}  // namespace

Result<SqlValue> Expressions::default_of(std::uint32_t place) {
  const engine::Column& column = table_->schema().columns[place];
  if (column.default_sql.empty()) return SqlValue{};
  Default& made = defaults_[place];
  if (made.statement == nullptr) {
    auto prepared = prepare(handle_, sql_of_default(column.default_sql));
    if (!prepared) return std::move(prepared).error();
    made.statement = std::move(*prepared);
  }
  sqlite3_stmt* statement = made.statement.get();
  if (sqlite3_step(statement) != SQLITE_ROW) {
    sqlite3_reset(statement);
    return sqlite_error(handle_);
  }
  SqlValue value = column_of(statement, 0);
  made.text = value.bytes;
  value.bytes = made.text;
  sqlite3_reset(statement);
  return value;
}

Status Expressions::check(const std::vector<SqlValue>& shown) {
  const engine::TableSchema& schema = table_->schema();
  if (schema.checks.empty()) return {};
  if (checks_ == nullptr) {
    auto prepared = prepare(handle_, sql_of_checks(schema));
    if (!prepared) return std::move(prepared).error();
    checks_ = std::move(*prepared);
  }
  sqlite3_stmt* statement = checks_.get();
  for (std::size_t place = 0; place < shown.size(); ++place)
    if (!schema.columns[place].dropped)
      bind_value(statement, static_cast<int>(place + 1), shown[place]);
  Status status;
  if (sqlite3_step(statement) != SQLITE_ROW) {
    status = sqlite_error(handle_);
  } else {
    for (std::size_t i = 0; i < schema.checks.size() && status; ++i) {
      const int column = static_cast<int>(i);
      // What is not known is not false.
      if (sqlite3_column_type(statement, column) == SQLITE_NULL ||
          sqlite3_column_double(statement, column) != 0)
        continue;
      const engine::Check& check = schema.checks[i];
      status = Error{ErrorCode::invalid_argument,
                     "check constraint " + (check.name.empty() ? "" : check.name + " ") +
                         "of table " + schema.name + " does not hold: " + check.sql};
    }
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return status;
}

Status check_expressions(sqlite3* handle, const engine::TableSchema& schema) {
  for (const engine::Column& column : schema.columns)
    if (!column.default_sql.empty())
      KIMDB_RETURN_IF_ERROR(check_expression(handle, "the default of column " + column.name,
                                             sql_of_default(column.default_sql)));
  for (const engine::Check& check : schema.checks)
    KIMDB_RETURN_IF_ERROR(check_expression(handle, "a check of table " + schema.name,
                                           sql_with_condition(schema, check)));
  return {};
}

}  // namespace kimdb::database::sql
