// Typed tables as SQLite's virtual tables (https://sqlite.org/vtab.html).
#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>

#include "database/sql/catalog.h"

namespace kimdb::database::sql {

class SqliteHandle;

// Registers the module "typed_table", whose only argument is the name of a table in the handle's
// catalog, and what its columns need.
void register_typed_tables(SqliteHandle& handle);

// The table's index, which every partition knows; null where it is not whole yet, or another one
// has its name by now.
engine::IndexPointer whole_index(engine::Engine& engine, const TypedTable& table,
                                 const engine::TableIndex& wanted);

// The columns of a table that statements see, as a declaration has them: "a" INT, "b" TEXT. Before
// each name stands `prefix`, and the types begin with `type_prefix`.
std::string declared_columns(const TypedTable& table, std::string_view prefix,
                             std::string_view type_prefix);
// Gives SQLite a column of a row; text that is made goes into `kept`.
void show_column(sqlite3_context* context, const TypedTable& table, const engine::RowView& row,
                 std::uint32_t place, std::string& kept);

}  // namespace kimdb::database::sql
