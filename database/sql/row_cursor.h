// Goes through the rows of a typed table that a statement sees: those of its view, with what its
// transaction has changed laid over them. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/row_filter.h"
#include "engine/collection_scan.h"
#include "engine/index_order_scan.h"
#include "engine/index_scan.h"
#include "engine/key_order_scan.h"

namespace kimdb::database::sql {

class RowCursor {
 public:
  explicit RowCursor(TypedTablePointer table) : table_(std::move(table)) {}

  void begin_empty() {
    clear_rows();
    scan_.reset();
    ordered_scan_.reset();
    index_scan_.reset();
    index_ordered_scan_.reset();
    plan_.index.reset();
  }
  // Begin anew; false where the statement has to be begun again, or has failed (Execution).
  bool begin_key(Execution& execution, std::string_view key);  // one row, or none
  void begin_row(Execution& execution, FoundRow row);          // this one; null id: none
  bool begin_range(Execution& execution, const engine::KeyRange& range);
  // In the order of primary keys, or backwards.
  bool begin_ordered(Execution& execution, const engine::KeyRange& range, bool backwards);
  // Rows that the index leads to, and perhaps others.
  bool begin_index(Execution& execution, engine::IndexPlan plan);
  // Rows under keys of the range, and perhaps others, in the order of the index.
  bool begin_index_ordered(Execution& execution, engine::IndexPointer index, engine::KeyRange range,
                           bool backwards);
  // All rows in the order of an index that is not there: it is being made, or was dropped.
  bool begin_sorted(Execution& execution, const engine::TableIndex& index, bool backwards);

  bool at_end() const { return position_ == rows_.size(); }
  bool next() { return ++position_ < rows_.size() || fill(); }
  const FoundRow& row() const { return rows_[position_]; }
  // The rows from this one on that are known already.
  std::span<const FoundRow> rows_ahead() const { return std::span(rows_).subspan(position_); }
  // Counts the rows gone through, of all beginnings: who sees the same number sees the same row.
  std::uint64_t number() const { return passed_ + position_; }

  // Rows that it rejects are left out by what is begun next, but for a single one.
  RowFilter& filter() { return filter_; }

  const TypedTable& table() const { return *table_; }
  const TypedTablePointer& table_pointer() const { return table_; }

 private:
  void clear_rows() {
    passed_ += rows_.size() + 1;
    rows_.clear();
    position_ = 0;
  }
  // Gets more rows; false where there is an error.
  bool fill();
  // False where the statement has to be begun again.
  bool begin_scan(Execution& execution, const engine::KeyRange& range, bool backwards = false);
  bool is_wanted(const engine::Entry& entry) const;
  bool passes(const FoundRow& row) const {
    return filter_.empty() || filter_.passes(*table_, {table_->layout(), row.bytes()});
  }
  void find_changed();
  // Of what was changed the rows before the place in the scan's order, or all that are left.
  struct Place {
    std::string_view key;  // in the index that the scan goes by; of others empty
    std::string_view row_key;
  };
  void add_changed_before(const Place& place);
  void add_changed();

  const TypedTablePointer table_;
  Execution* execution_ = nullptr;
  std::vector<FoundRow> rows_;
  std::size_t position_ = 0;
  std::uint64_t passed_ = 0;  // before those in rows_
  RowFilter filter_;
  // At most one of them.
  std::optional<engine::CollectionScan> scan_;
  std::optional<engine::KeyOrderScan> ordered_scan_;
  std::optional<engine::IndexScan> index_scan_;
  std::optional<engine::IndexOrderScan> index_ordered_scan_;
  bool backwards_ = false;
  engine::IndexPlan plan_;
  engine::KeyRange range_;
  bool has_changed_ = false;  // the transaction has changed the table
  struct Changed {
    std::string key;  // as of Place
    FoundRow row;
  };
  bool is_before(const Changed& row, const Place& place) const;
  std::vector<Changed> changed_;  // rows that it has put, in the scan's order, the next one last
};

}  // namespace kimdb::database::sql
