// Comparisons of times. SQLite shows a TIMESTAMP as text, and its columns have a collation that
// compares texts as the times they say. SQLite applies a column's collation where the column itself
// stands on the left; through functions and CASE, and from the right side, it carries only one that
// is written. So it is written behind each: max(t) = '2020-01-01' becomes
// max(t COLLATE timestamp) = '2020-01-01'.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "database/sql/sqlite.h"

namespace kimdb::database::sql {

constexpr const char* kTimeCollation = "timestamp";

// Of an index that it makes for one statement SQLite 3.40 asks a Bloom filter first, which takes
// texts of different lengths for different ones, whatever their collation says.
void forgo_bloom_filters(sqlite3* handle);

// Of `sql`, a statement or an expression in parentheses; nothing where no such column stands in it.
// By tokens alone: what SQLite does not compile is to be compiled as it was. Names are in lower
// case.
std::optional<std::string> with_time_collation(
    std::string_view sql, const std::function<bool(const std::string& name)>& is_time_column);

// The names of a table's columns, in lower case.
struct ColumnsByTime {
  std::set<std::string> times;  // TIMESTAMP
  std::set<std::string> others;
};
// Of a table or view that SQLite knows.
ColumnsByTime columns_by_time(sqlite3* handle, const std::string& table);
// By tables' names in lower case.
using TablesByTime = std::map<std::string, ColumnsByTime>;

// The same of a statement over some of these tables: a name that is a TIMESTAMP column of one of
// them and another type's of another one stays as it is.
std::optional<std::string> with_time_collation(std::string_view sql, const TablesByTime& tables);

}  // namespace kimdb::database::sql
