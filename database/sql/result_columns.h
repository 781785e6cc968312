// What the columns of a result are called, and as which type they are shown.
//
// SQLite's values know no BOOLEAN and no DECIMAL. A column of a result is shown as one of them only
// where all of its values are a column's of that type, unchanged: through subqueries, WITH, and
// each SELECT of a UNION. What an expression gives is shown as SQLite's value: a number, a text.
#pragma once

#include <string_view>
#include <vector>

#include "database/sql/result_set.h"
#include "database/sql/sqlite.h"

namespace kimdb::database::sql {

// Of a statement that was compiled of `sql`. No two have one name: the second "id" is "id:1".
std::vector<ResultSet::Column> result_columns(sqlite3* handle, sqlite3_stmt* compiled,
                                              std::string_view sql);

}  // namespace kimdb::database::sql
