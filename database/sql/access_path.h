// How a statement gets at the rows of a typed table: all of them, by the primary key, or by an
// index. Chosen by SQLite's planner (xBestIndex) among what is offered here. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "database/sql/catalog.h"
#include "engine/index_plan.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

// A condition that the statement puts on a column: column <op> value, its value not known yet.
struct Condition {
  enum class Op : std::uint8_t { equal, greater, greater_or_equal, less, less_or_equal, like };
  std::uint32_t place = 0;  // of the column
  Op op = Op::equal;
  bool is_list = false;  // IN: one value after the other, for which the path is gone each time
  // An IN whose values are asked for at once. A path has room for one of them.
  bool is_whole_list = false;
};

// ORDER BY, and what it is good for: a column, or its reverse.
struct OrderTerm {
  std::uint32_t place = 0;
  bool descending = false;
};

struct AccessPath {
  enum class Kind : std::uint8_t { scan, primary_key, index };
  Kind kind = Kind::scan;
  // In which order of the keys that it goes by rows come; set where that is the one asked for.
  enum class Order : std::uint8_t { none, ascending, descending } order = Order::none;
  std::size_t index = 0;  // of schema().indexes
  // Numbers of the conditions that it uses, in this order: of the leading columns one `equal` each,
  // then bounds of the next column.
  std::vector<std::size_t> equal;
  std::optional<std::size_t> lower;
  std::optional<std::size_t> upper;
  // Numbers of conditions that rows on the path are held against (RowFilter).
  std::vector<std::size_t> filters;
  bool finds_one = false;  // row at most
  double rows = 0;         // estimated
  double cost = 0;

  // Not to all rows.
  bool leads() const { return !equal.empty() || lower || upper; }
  // For EXPLAIN: "users by primary key (id = ?), at most 1 row".
  std::string in_words(const TypedTable& table, const std::vector<Condition>& conditions) const;
};

// The conditions of `filters` as a word, and back.
std::string encode_filters(const AccessPath& path, const std::vector<Condition>& conditions);
std::vector<Condition> read_filters(std::string_view word);

// All that the conditions and the order allow. `rows`: how many the table has. `limit`: how many of
// those that are found are wanted; nothing: all.
std::vector<AccessPath> access_paths(const TypedTable& table,
                                     const std::vector<Condition>& conditions,
                                     const std::vector<OrderTerm>& order, double rows,
                                     std::optional<double> limit = {});

// The columns that the path goes by, and which of them descend.
struct KeyColumns {
  std::vector<std::uint32_t> places;
  std::vector<bool> descending;
};
KeyColumns key_columns(const TypedTable& table, AccessPath::Kind kind, std::size_t index);

// The values of a path's conditions, as compared_value() gives them.
struct Bounds {
  std::vector<engine::SqlValue> equal;
  struct Bound {
    engine::SqlValue value;
    bool inclusive = false;
  };
  std::optional<Bound> lower;
  std::optional<Bound> upper;
};
// The keys behind `prefix` that lie within the bounds.
engine::KeyRange key_range(const std::string& prefix, const KeyColumns& columns,
                           const Bounds& bounds);

}  // namespace kimdb::database::sql
