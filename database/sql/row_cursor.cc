#include "database/sql/row_cursor.h"

#include <algorithm>
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

bool RowCursor::begin_scan(Execution& execution, const engine::KeyRange& range) {
  begin_empty();
  execution_ = &execution;
  range_ = range;
  backwards_ = false;
  if (execution.view == nullptr) execution.needs_view = true;
  return execution.view != nullptr;
}

bool RowCursor::begin_range(Execution& execution, const engine::KeyRange& range) {
  if (!begin_scan(execution, range)) return false;
  scan_.emplace(execution.engine, *execution.view, engine::kRows, table_->prefix());
  scan_->limit_to(range.begin, range.end);
  find_changed();
  add_changed();
  return fill();
}

bool RowCursor::begin_ordered(Execution& execution, const engine::KeyRange& range, bool backwards) {
  if (!begin_scan(execution, range)) return false;
  backwards_ = backwards;
  ordered_scan_.emplace(execution.engine, *execution.view, engine::kRows, table_->prefix(),
                        range.begin, range.end, backwards);
  find_changed();
  return fill();
}

bool RowCursor::begin_index(Execution& execution, engine::IndexPlan plan) {
  if (!begin_scan(execution, {table_->prefix(), {}})) return false;
  plan_ = std::move(plan);
  index_scan_.emplace(execution.engine, *execution.view, plan_);
  find_changed();
  add_changed();
  return fill();
}

bool RowCursor::is_wanted(const engine::Entry& entry) const {
  return (!has_changed_ || execution_->before->find(entry.key()) == nullptr) &&
         passes(FoundRow(entry));
}

// Rows that the transaction has put.
void RowCursor::find_changed() {
  has_changed_ = false;
  changed_.clear();
  if (execution_->before == nullptr) return;
  const auto& changes = execution_->before->changes();
  for (auto change = changes.lower_bound(range_.begin);
       change != changes.end() && change->first.starts_with(table_->prefix()) &&
       (range_.end.empty() || change->first < range_.end);
       ++change) {
    has_changed_ = true;
    if (!change->second.row) continue;
    if (const FoundRow row(*change); passes(row)) changed_.push_back(row);
  }
  if (!backwards_) std::reverse(changed_.begin(), changed_.end());
}

void RowCursor::add_changed_before(std::string_view key) {
  while (!changed_.empty() &&
         (backwards_ ? key < changed_.back().key() : changed_.back().key() < key)) {
    rows_.push_back(changed_.back());
    changed_.pop_back();
  }
}

void RowCursor::add_changed() {
  rows_.insert(rows_.end(), changed_.rbegin(), changed_.rend());
  changed_.clear();
}

bool RowCursor::fill() {
  // What was changed stands in front of the first rows of the view.
  if (position_ == rows_.size()) clear_rows();
  if (!scan_ && !ordered_scan_ && !index_scan_) return true;
  const auto visit = [&](const engine::Entry& entry) {
    if (is_wanted(entry)) rows_.emplace_back(entry);
    return true;
  };
  const auto wanted = [&](const engine::Entry& entry) { return is_wanted(entry); };
  const auto visit_in_order = [&](const engine::Entry& entry) {
    add_changed_before(entry.key());
    rows_.emplace_back(entry);
  };
  while (rows_.empty()) {
    if (execution_->must_stop()) return false;
    const bool more = scan_           ? scan_->step(visit)
                      : ordered_scan_ ? ordered_scan_->step(wanted, visit_in_order)
                                      : index_scan_->step(visit);
    if (more) continue;
    add_changed();
    scan_.reset();
    ordered_scan_.reset();
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
