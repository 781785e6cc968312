// The expressions of a table's schema, computed by SQLite: what DEFAULT gives and whether CHECK
// holds. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/sqlite.h"

namespace kimdb::database::sql {

class Expressions {
 public:
  // Of a handle that outlives them.
  Expressions(sqlite3* handle, TypedTablePointer table)
      : handle_(handle), table_(std::move(table)) {}

  // Valid until the next call for the column.
  Result<engine::SqlValue> default_of(std::uint32_t place);
  // Of all CHECKs, with the values of all columns as statements see them; an error names the one
  // that does not hold.
  Status check(const std::vector<engine::SqlValue>& shown);

 private:
  sqlite3* const handle_;
  const TypedTablePointer table_;
  struct Default {
    StatementPointer statement;
    std::string text;
  };
  std::map<std::uint32_t, Default> defaults_;
  StatementPointer checks_;
};

// Whether SQLite can compile the schema's defaults and CHECKs, and they use nothing but what they
// may: a default no column, none of both a table. An error says what is wrong with which.
Status check_expressions(sqlite3* handle, const engine::TableSchema& schema);

}  // namespace kimdb::database::sql
