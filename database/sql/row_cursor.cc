#include "database/sql/row_cursor.h"

#include <algorithm>
#include <utility>

#include "database/sql/statement_memory.h"

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

bool RowCursor::begin_scan(Execution& execution, const engine::KeyRange& range, bool backwards) {
  begin_empty();
  execution_ = &execution;
  range_ = range;
  backwards_ = backwards;
  if (execution.view == nullptr) execution.needs_view = true;
  return execution.view != nullptr;
}

bool RowCursor::begin_range(Execution& execution, const engine::KeyRange& range) {
  if (!begin_scan(execution, range)) return false;
  if (execution.reads != nullptr)
    execution.reads->add_range(engine::kRows, table_->prefix(), range);
  scan_.emplace(execution.engine, *execution.view, engine::kRows, table_->prefix());
  scan_->limit_to(range.begin, range.end);
  find_changed();
  add_changed();
  return fill();
}

bool RowCursor::begin_ordered(Execution& execution, const engine::KeyRange& range, bool backwards) {
  if (!begin_scan(execution, range, backwards)) return false;
  if (execution.reads != nullptr)
    execution.reads->add_range(engine::kRows, table_->prefix(), range);
  ordered_scan_.emplace(execution.engine, *execution.view, engine::kRows, table_->prefix(),
                        range.begin, range.end, backwards);
  find_changed();
  return fill();
}

bool RowCursor::begin_index(Execution& execution, engine::IndexPlan plan) {
  if (!begin_scan(execution, {table_->prefix(), {}})) return false;
  plan_ = std::move(plan);
  if (execution.reads != nullptr)
    for (const engine::KeyRange& keys : plan_.ranges)
      execution.reads->add_index_range(plan_.index, keys);
  index_scan_.emplace(execution.engine, *execution.view, plan_);
  find_changed();
  add_changed();
  return fill();
}

bool RowCursor::begin_index_ordered(Execution& execution, engine::IndexPointer index,
                                    engine::KeyRange range, bool backwards) {
  if (!begin_scan(execution, {table_->prefix(), {}}, backwards)) return false;
  plan_.index = std::move(index);
  if (execution.reads != nullptr) execution.reads->add_index_range(plan_.index, range);
  index_ordered_scan_.emplace(execution.engine, *execution.view, *plan_.index, std::move(range),
                              backwards);
  find_changed();
  return fill();
}

bool RowCursor::begin_sorted(Execution& execution, const engine::TableIndex& index,
                             bool backwards) {
  if (!begin_range(execution, {table_->prefix(), {}})) return false;
  std::vector<Changed> all;
  const engine::IndexDefinition definition = table_->definition_of(index);
  while (!at_end()) {
    all.push_back({definition.row_keys(row().bytes()).front(), row()});
    StatementMemory* const memory = execution.memory;
    if (memory != nullptr && !memory->take(sizeof(Changed) + all.back().key.size())) return false;
    if (!next()) return false;
  }
  backwards_ = backwards;
  std::sort(all.begin(), all.end(), [this](const Changed& a, const Changed& b) {
    return is_before(a, {b.key, b.row.key()});
  });
  clear_rows();
  for (const Changed& each : all) rows_.push_back(each.row);
  return true;
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
    const FoundRow row(*change);
    if (!passes(row)) continue;
    std::string key;
    if (index_ordered_scan_) key = plan_.index->definition().row_keys(row.bytes()).front();
    changed_.push_back({std::move(key), row});
  }
  std::sort(changed_.begin(), changed_.end(), [this](const Changed& a, const Changed& b) {
    return is_before(b, {a.key, a.row.key()});
  });
}

bool RowCursor::is_before(const Changed& row, const Place& place) const {
  const int order = std::string_view(row.key).compare(place.key);
  const int whole = order != 0 ? order : row.row.key().compare(place.row_key);
  return backwards_ ? whole > 0 : whole < 0;
}

void RowCursor::add_changed_before(const Place& place) {
  while (!changed_.empty() && is_before(changed_.back(), place)) {
    rows_.push_back(changed_.back().row);
    changed_.pop_back();
  }
}

void RowCursor::add_changed() {
  for (; !changed_.empty(); changed_.pop_back()) rows_.push_back(changed_.back().row);
}

bool RowCursor::fill() {
  // What was changed stands in front of the first rows of the view.
  if (position_ == rows_.size()) clear_rows();
  if (!scan_ && !ordered_scan_ && !index_scan_ && !index_ordered_scan_) return true;
  const auto visit = [&](const engine::Entry& entry) {
    if (is_wanted(entry)) rows_.emplace_back(entry);
    return true;
  };
  const auto wanted = [&](const engine::Entry& entry) { return is_wanted(entry); };
  const auto visit_at = [&](std::string_view key, const engine::Entry& entry) {
    add_changed_before({key, entry.key()});
    rows_.emplace_back(entry);
  };
  const auto visit_in_order = [&](const engine::Entry& entry) { visit_at({}, entry); };
  while (rows_.empty()) {
    if (execution_->must_stop()) return false;
    const bool more = scan_           ? scan_->step(visit)
                      : ordered_scan_ ? ordered_scan_->step(wanted, visit_in_order)
                      : index_scan_   ? index_scan_->step(visit)
                                      : index_ordered_scan_->step(wanted, visit_at);
    if (more) continue;
    add_changed();
    scan_.reset();
    ordered_scan_.reset();
    index_scan_.reset();
    index_ordered_scan_.reset();
    break;
  }
  if (execution_->fails_where_outdated()) return false;
  if (plan_.index == nullptr || !plan_.index->retired()) return true;
  // It was dropped, and says nothing any more: begin again without it.
  execution_->needs_view = true;
  return false;
}

}  // namespace kimdb::database::sql
