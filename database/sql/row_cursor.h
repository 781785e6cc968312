// Goes through the rows of a typed table that a statement sees: those of its view, with what its
// transaction has changed laid over them. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "engine/collection_scan.h"
#include "engine/index_scan.h"

namespace kimdb::database::sql {

class RowCursor {
 public:
  explicit RowCursor(TypedTablePointer table) : table_(std::move(table)) {}

  void begin_empty() {
    rows_.clear();
    position_ = 0;
    scan_.reset();
    index_scan_.reset();
    plan_.index.reset();
  }
  // Begin anew; false where the statement has to be begun again, or has failed (Execution).
  bool begin_key(Execution& execution, std::string_view key);  // one row, or none
  bool begin_range(Execution& execution, const engine::KeyRange& range);
  // Rows that the index leads to, and perhaps others.
  bool begin_index(Execution& execution, engine::IndexPlan plan);

  bool at_end() const { return position_ == rows_.size(); }
  bool next() { return ++position_ < rows_.size() || fill(); }
  const FoundRow& row() const { return rows_[position_]; }

  const TypedTable& table() const { return *table_; }
  const TypedTablePointer& table_pointer() const { return table_; }

 private:
  // Gets more rows; false where there is an error.
  bool fill();
  void add(const engine::Entry& entry);
  void add_changed();

  const TypedTablePointer table_;
  Execution* execution_ = nullptr;
  std::vector<FoundRow> rows_;
  std::size_t position_ = 0;
  // At most one of them.
  std::optional<engine::CollectionScan> scan_;
  std::optional<engine::IndexScan> index_scan_;
  engine::IndexPlan plan_;
  engine::KeyRange range_;
  bool has_changed_ = false;  // the transaction has changed the table
};

}  // namespace kimdb::database::sql
