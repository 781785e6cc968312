// SQLite's functions over texts whose time grows with the product of two lengths, done anew in time
// that grows with their sum: nothing stops a function while it runs, neither a time limit nor KILL.
#pragma once

#include <sqlite3.h>

namespace kimdb::database::sql {

// instr, replace, and trim, ltrim and rtrim of given characters, with SQLite's results.
void register_text_functions(sqlite3* database);

}  // namespace kimdb::database::sql
