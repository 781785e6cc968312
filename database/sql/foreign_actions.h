// ON DELETE and ON UPDATE of foreign keys: what follows where rows that others refer to are removed
// or changed. That is in the statement's changes like all the others, and what follows from it, as
// well. One thread.
#pragma once

#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/execution.h"

namespace kimdb::database::sql {

class SqliteHandle;

// Whether anything follows from a change of the table's rows.
bool has_actions(const CatalogState& catalog, const TypedTable& table);

// Does what follows from Execution::parent_changes. Rows that move to other keys
// (Execution::moved) are put there, before and in each step: all of a step refer to what was
// before it. An error where a row would be refused, or where the statement has to be begun again
// with a view.
Status settle(SqliteHandle& handle, Execution& execution);

}  // namespace kimdb::database::sql
