#include "database/follower.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "database/lock_set.h"

namespace kimdb::database {

void Follower::keep(std::span<const wal::RecordView> records, Lsn last) {
  for (const wal::RecordView& record : records)
    if (record.lsn > std::max(last_kept_, applied_lsn()))
      waiting_.push_back({record.lsn, std::string(record.bytes)});
  last_kept_ = std::max(last_kept_, last);
}

Status Follower::apply_through(Lsn lsn) {
  while (!waiting_.empty() && waiting_.front().lsn <= lsn) {
    if (Status applied = apply(waiting_.front()); !applied)
      return std::move(applied).error().in("record " + std::to_string(waiting_.front().lsn));
    applied_.store(waiting_.front().lsn, std::memory_order_release);
    waiting_.pop_front();
  }
  // What is no record (a term) needs no applying.
  const Lsn reached = std::min(lsn, last_kept_);
  if (reached > applied_lsn()) applied_.store(reached, std::memory_order_release);
  return {};
}

Status Follower::apply(const Record& record) {
  std::vector<engine::Operation> operations;
  LockSet locks(engine_);
  for (std::string_view rest = record.bytes; !rest.empty();) {
    auto operation = engine::take_operation(rest);
    if (!operation) return std::move(operation).error();
    operation->hash = engine_.hash(operation->key);
    if (operation->kind == engine::OperationKind::flush)
      locks.add_all();
    else
      locks.add(operation->hash);
    operations.push_back(*operation);
  }
  locks.lock();
  for (const engine::Operation& operation : operations) engine_.apply(record.lsn, operation);
  return {};
}

void Follower::restart_from(Lsn lsn) {
  waiting_.clear();
  last_kept_ = lsn;
  start_from(lsn);
}

void Follower::drop_behind(Lsn lsn) {
  while (!waiting_.empty() && waiting_.back().lsn > lsn) waiting_.pop_back();
  last_kept_ = std::min(last_kept_, lsn);
}

}  // namespace kimdb::database
