#include "database/follower.h"

#include <algorithm>
#include <array>
#include <utility>

#include "database/lock_set.h"

namespace kimdb::database {

void Follower::keep(std::span<const wal::RecordView> records, Lsn last) {
  for (const wal::RecordView& record : records)
    if (record.lsn > std::max(last_kept_, applied_lsn()))
      waiting_.push_back({record.lsn, std::string(record.bytes)});
  last_kept_ = std::max(last_kept_, last);
}

Status Follower::apply_through(Lsn lsn) {
  while (!waiting_.empty() && waiting_.front().lsn <= lsn) KIMDB_RETURN_IF_ERROR(apply_some(lsn));
  // What is no record (a term) needs no applying.
  const Lsn reached = std::min(lsn, last_kept_);
  if (reached > applied_lsn()) applied_.store(reached, std::memory_order_release);
  return {};
}

// Some records are read ahead, so that the memory they will look at comes while others are applied.
Status Follower::apply_some(Lsn lsn) {
  operations_.clear();
  std::array<std::size_t, kRecordsAhead> ends;
  std::size_t count = 0;
  Status status;
  for (; count < std::min(kRecordsAhead, waiting_.size()) && waiting_[count].lsn <= lsn; ++count) {
    status = decode(waiting_[count]);
    if (!status) break;
    ends[count] = operations_.size();
  }
  for (const engine::Operation& operation : operations_)
    engine_.prefetch(operation.keyspace, operation.hash);
  for (const engine::Operation& operation : operations_)
    engine_.prefetch_entry(operation.keyspace, operation.hash);
  std::span<const engine::Operation> rest = operations_;
  for (std::size_t i = 0, begin = 0; i < count; begin = ends[i++]) {
    const std::size_t size = ends[i] - begin;
    apply(waiting_.front().lsn, rest.first(size));
    rest = rest.subspan(size);
    applied_.store(waiting_.front().lsn, std::memory_order_release);
    waiting_.pop_front();
  }
  return status;
}

Status Follower::decode(const Record& record) {
  const std::size_t begin = operations_.size();
  for (std::string_view rest = record.bytes; !rest.empty();) {
    auto operation = engine::take_operation(rest);
    if (!operation) {
      operations_.resize(begin);
      return std::move(operation).error().in("record " + std::to_string(record.lsn));
    }
    operation->hash = engine_.hash(operation->keyspace, operation->key);
    operations_.push_back(*operation);
  }
  return {};
}

void Follower::apply(Lsn lsn, std::span<const engine::Operation> operations) {
  LockSet locks(engine_);
  for (const engine::Operation& operation : operations) {
    if (operation.kind == engine::OperationKind::flush)
      locks.add_all();
    else
      locks.add(operation.hash);
  }
  locks.lock();
  for (const engine::Operation& operation : operations) engine_.apply(lsn, operation);
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
