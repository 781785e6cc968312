#include "database/sql/row_cursor.h"

#include <utility>

namespace kimdb::database::sql {

bool RowCursor::begin_key(Execution& execution, std::string_view key) {
  FoundRow row;
  if (!execution.look_up(key, row)) return false;
  begin_row(execution, row);
  return true;
}

void RowCursor::begin_row(Execution& execution, FoundRow row) {
  begin_empty();
  execution_ = &execution;
  if (row.id() != 0) rows_.push_back(row);
}

bool RowCursor::begin_range(Execution& execution, const engine::KeyRange& range) {
  begin_empty();
  execution_ = &execution;
  if (execution.view == nullptr) {
    execution.needs_view = true;
    return false;
  }
  range_ = range;
  scan_.emplace(execution.engine, *execution.view, engine::kRows, table_->prefix());
  scan_->limit_to(range.begin, range.end);
  add_changed();
  return fill();
}

bool RowCursor::begin_index(Execution& execution, engine::IndexPlan plan) {
  begin_empty();
  execution_ = &execution;
  if (execution.view == nullptr) {
    execution.needs_view = true;
    return false;
  }
  range_ = {table_->prefix(), {}};
  plan_ = std::move(plan);
  index_scan_.emplace(execution.engine, *execution.view, plan_);
  add_changed();
  return fill();
}

void RowCursor::add(const engine::Entry& entry) {
  if (has_changed_ && execution_->before->find(entry.key()) != nullptr) return;
  if (const FoundRow row(entry); passes(row)) rows_.push_back(row);
}

// Rows that the transaction has put.
void RowCursor::add_changed() {
  has_changed_ = false;
  if (execution_->before == nullptr) return;
  const auto& changes = execution_->before->changes();
  for (auto change = changes.lower_bound(range_.begin);
       change != changes.end() && change->first.starts_with(table_->prefix()) &&
       (range_.end.empty() || change->first < range_.end);
       ++change) {
    has_changed_ = true;
    if (!change->second.row) continue;
    if (const FoundRow row(*change); passes(row)) rows_.push_back(row);
  }
}

bool RowCursor::fill() {
  // What was changed stands in front of the first rows of the view.
  if (position_ == rows_.size()) clear_rows();
  if (!scan_ && !index_scan_) return true;
  const auto visit = [&](const engine::Entry& entry) {
    add(entry);
    return true;
  };
  while (rows_.empty()) {
    if (execution_->must_stop()) return false;
    const bool more = scan_ ? scan_->step(visit) : index_scan_ ? index_scan_->step(visit) : false;
    if (more) continue;
    scan_.reset();
    index_scan_.reset();
    break;
  }
  if (execution_->fails_where_outdated()) return false;
  if (plan_.index == nullptr || !plan_.index->retired()) return true;
  // It was dropped, and says nothing any more: begin again without it.
  execution_->needs_view = true;
  return false;
}

}  // namespace kimdb::database::sql
