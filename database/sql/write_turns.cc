#include "database/sql/write_turns.h"

#include <chrono>

namespace kimdb::database::sql {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{20};  // at `give_up`

}  // namespace

bool WriteTurns::are_unclaimed(const TableSet& tables, const Claim* own) const {
  for (const std::string& table : tables)
    if (claimed_.contains(table) && (own == nullptr || !own->holds(table))) return false;
  return true;
}

bool WriteTurns::is_free(const TableSet& tables, const Claim* own) const {
  if (claims_.load(std::memory_order_acquire) == 0) return true;
  MutexLock lock(mutex_);
  return are_unclaimed(tables, own);
}

bool WriteTurns::wait_until_free(const TableSet& tables, const Claim* own,
                                 const std::function<bool()>& give_up) {
  while (!are_unclaimed(tables, own)) {
    if (give_up()) return false;
    changed_.wait_for(mutex_, kBetweenLooks);
  }
  return true;
}

bool WriteTurns::wait(const TableSet& tables, const Claim* own,
                      const std::function<bool()>& give_up) {
  MutexLock lock(mutex_);
  return wait_until_free(tables, own, give_up);
}

bool WriteTurns::Claim::take(const TableSet& tables, const std::function<bool()>& give_up) {
  release();
  MutexLock lock(turns_.mutex_);
  if (!turns_.wait_until_free(tables, nullptr, give_up)) return false;
  turns_.claimed_.insert(tables.begin(), tables.end());
  turns_.claims_.store(turns_.claimed_.size(), std::memory_order_release);
  tables_ = tables;
  return true;
}

void WriteTurns::Claim::release() {
  if (tables_.empty()) return;
  MutexLock lock(turns_.mutex_);
  for (const std::string& table : tables_) turns_.claimed_.erase(table);
  turns_.claims_.store(turns_.claimed_.size(), std::memory_order_release);
  tables_.clear();
  turns_.changed_.notify_all();
}

}  // namespace kimdb::database::sql
