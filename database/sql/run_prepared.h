// Runs a query that a handle has prepared: as SQLite has compiled it, or by a shorter way.
#pragma once

#include <span>

#include "base/result.h"
#include "database/sql/answer.h"
#include "database/sql/execution.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/statement_memory.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

Error too_much_memory();
// Why the statement was stopped.
Error failure(const SqliteHandle& handle, Execution& execution, const StatementMemory& memory);

// Adds the row that the statement stands at.
void add_row(sqlite3_stmt* statement, int columns, ResultSet& rows);

// What a writing one changes is in the execution, whole, or the answer is an error. As many
// parameters as it has.
Result<Answer> run_prepared(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                            std::span<const engine::SqlValue> parameters, Execution& execution,
                            StatementMemory& memory);

}  // namespace kimdb::database::sql
