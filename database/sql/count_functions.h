// last_insert_rowid(), changes() and total_changes() of the session, in the place of SQLite's own:
// handles are shared by sessions.
#pragma once

namespace kimdb::database::sql {

class SqliteHandle;

void register_count_functions(SqliteHandle& handle);

}  // namespace kimdb::database::sql
