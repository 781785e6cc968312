// INSERT … VALUES of literals and parameters, which is what programs send: run without SQLite, to
// which compiling it would be most of the work. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/parser.h"
#include "database/sql/row_writer.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

class PlainInsert {
 public:
  // Nothing where the query is none, or is wrong, which SQLite then says. It keeps no part of it.
  static std::optional<PlainInsert> of(const Query& query, const CatalogState& catalog);

  const TypedTablePointer& table() const { return table_; }
  std::size_t parameters() const { return parameters_; }
  // `query` as above, as many parameters as it wants, or more.
  Status run(const Query& query, Execution& execution, RowWriter& writer,
             std::span<const engine::SqlValue> parameters) const;

 private:
  TypedTablePointer table_;
  // Where each value of a row belongs among the table's visible columns.
  std::vector<std::size_t> targets_;
  std::size_t parameters_ = 0;
};

}  // namespace kimdb::database::sql
