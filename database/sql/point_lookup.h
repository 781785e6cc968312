// SELECT columns FROM table WHERE the whole primary key is given: the row is looked up and its
// columns read without SQLite's machine, which has compiled the statement and says what it would
// give. What else a statement may be is SQLite's. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/result_set.h"
#include "database/sql/sqlite.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

class PointLookup {
 public:
  // `text`: what `compiled` was made of. Nothing where it is no such statement.
  static std::optional<PointLookup> of(std::string_view text, const CatalogState& catalog,
                                       sqlite3_stmt* compiled);

  // Adds the row, if there is one; false, and nothing added, where only SQLite knows whether the
  // row is one (compares_unknowably). As many parameters as the statement has.
  bool run(Execution& execution, std::span<const engine::SqlValue> parameters,
           ResultSet& rows) const;

 private:
  struct Part {
    engine::ColumnType type;
    bool is_parameter = false;
    std::size_t parameter = 0;
    std::int64_t integer = 0;  // the literal, or
    std::optional<std::string> text;
  };

  TypedTablePointer table_;
  std::vector<std::uint32_t> selected_;  // places
  std::vector<Part> key_;                // in the order of the primary key
};

}  // namespace kimdb::database::sql
