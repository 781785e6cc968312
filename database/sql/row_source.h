// Rows of a typed table that a statement has at hand, as a table of its own: what RETURNING lists,
// and what ON CONFLICT … DO UPDATE sets, SQLite computes over them. Nobody else's statements may
// name it (SqliteHandle). One thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "database/sql/catalog.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

class SqliteHandle;

constexpr std::string_view kRowSourcePrefix = "kimdb_rows_";

struct RowSource {
  TypedTablePointer table;
  // Beside the columns of its rows it has those of a row that could not be inserted, hidden, each
  // as "excluded.name".
  bool has_excluded = false;

  // What it shows; of whoever runs a statement over it.
  std::vector<std::string_view> rows;
  std::string_view excluded;

  // What an UPDATE has set, of each visible column, and which of them it did not leave alone.
  bool updated = false;
  std::vector<engine::SqlValue> given;
  std::vector<bool> changed;
  std::deque<std::string> kept;  // their texts and bytes
};

// Registers the module "row_source". A table of it shows the handle's row source of its name.
void register_row_sources(SqliteHandle& handle);

}  // namespace kimdb::database::sql
