// Typed tables as SQLite's virtual tables (https://sqlite.org/vtab.html).
#pragma once

#include <sqlite3.h>

namespace kimdb::database::sql {

class SqliteHandle;

// Registers the module "typed_table", whose only argument is the name of a table in the handle's
// catalog, and what its columns need.
void register_typed_tables(SqliteHandle& handle);

}  // namespace kimdb::database::sql
