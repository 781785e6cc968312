// What a Database does for replication: as a slave it takes its master's log, or a copy of its
// data, and is promoted; as a master it is told how far its slaves are.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "database/database.h"
#include "database/lock_set.h"
#include "database/snapshot_loader.h"
#include "wal/incoming.h"
#include "wal/reader.h"

namespace kimdb::database {

Status Database::keep(const wal::FrameHeader& header, std::string_view payload) {
  raise_time_floor(header.commit_time_ms);
  KIMDB_RETURN_IF_ERROR(
      wal::visit_records(header, payload, 0, [&](std::span<const wal::RecordView> records) {
        follower_.keep(records, header.last_lsn());
        return Status();
      }));
  follower_.keep({}, header.last_lsn());
  return {};
}

Status Database::apply_through(Lsn lsn) {
  const Status applied = follower_.apply_through(lsn);
  log_->set_replicated_lsn(follower_.applied_lsn());
  committed_rose();
  return applied;
}

void Database::set_replicated(const Replicated& replicated) {
  log_->set_replicated_lsn(replicated.committed);
  answered_lsn_.store(replicated.answered, std::memory_order_release);
  replicas_lsn_.store(replicated.replicas, std::memory_order_release);
  quorum_missing_.store(replicated.quorum_missing, std::memory_order_release);
  refuses_writes_.store(replicated.refuses_writes, std::memory_order_release);
  committed_rose();
}

// --- who waits ---

Reached Database::has_reached(const ClientPosition& position) const {
  if (directory_ == nullptr) return Reached::never;
  return database::has_reached(directory_->meta().history, applied_lsn(), position);
}

// On a worker: what is waited for may take locks that the caller of this holds.
void Database::check_waiters() {
  if (waiters_.empty() || waiters_check_posted_.exchange(true)) return;
  workers_.post([this](std::size_t) {
    waiters_check_posted_ = false;
    waiters_.check(environment_.clock.monotonic_ns());
  });
}

void Database::cancel_waits(const Session& session, Waiters::Cancel which) {
  if (which == Waiters::Cancel::all) session.info.closed.store(true, std::memory_order_relaxed);
  waiters_.cancel(&session, which);
  check_waiters();
}

void Database::set_master_address(std::string address) {
  MutexLock lock(master_address_mutex_);
  master_address_ = std::move(address);
}

Status Database::demote(std::chrono::milliseconds patience,
                        const std::function<void()>& stop_leading) {
  // A snapshot would hold what may be taken out of the state again.
  return checkpointer_->exclude([&]() -> Status {
    {
      LockSet locks(engine_);
      locks.add_all();
      locks.lock();
      follower_.restart_from(log_->committed_lsn());
      is_slave_.store(true, std::memory_order_release);
    }
    const Lsn last = log_->last_lsn();
    KIMDB_RETURN_IF_ERROR(log_->sync_through(last));
    wait_here(
        {.is_over = [&] { return may_send(last, Acknowledge::standard); }, .limit = patience});
    stop_leading();
    const Lsn committed = log_->committed_lsn();
    if (committed < last) {
      logger().warning("LSNs {} to {} were never committed: they are taken out of the state",
                       committed + 1, last);
      Status rebuilt = rebuild(committed);
      if (!rebuilt) {  // the state holds what may not be shown, and nobody else can tell it apart
        if (failure_listener_) failure_listener_(rebuilt.error());
        return rebuilt;
      }
    } else {
      if (!may_send(last, Acknowledge::standard) || last > replicas_lsn()) epoch_.fetch_add(1);
      follower_.restart_from(last);
    }
    set_replicated({.committed = committed});
    return {};
  });
}

// The state at `committed` from the snapshot and the log behind it, as a recovery would find it;
// what is behind waits.
Status Database::rebuild(Lsn committed) {
  std::unique_ptr<engine::Engine> state;
  const auto position = load_newest_snapshot(state);
  if (!position) return position.error();
  if (state == nullptr) state = make_engine();
  auto reader = wal::Reader::open(*directory_, position->lsn);
  if (!reader) return std::move(reader).error();
  const Lsn last = log_->last_lsn();
  std::vector<std::pair<Lsn, std::string>> behind;
  const auto visit = [&](std::span<const wal::RecordView> records) -> Status {
    for (const wal::RecordView& record : records) {
      if (record.lsn > committed)
        behind.emplace_back(record.lsn, record.bytes);
      else
        KIMDB_RETURN_IF_ERROR(state->restore(record.lsn, record.bytes));
    }
    return {};
  };
  for (;;) {
    const auto frame = reader->next(last);
    if (!frame) return frame.error();
    if (!frame->has_value()) break;
    KIMDB_RETURN_IF_ERROR(
        wal::visit_records((*frame)->header, (*frame)->payload, position->lsn, visit));
  }
  {
    std::shared_ptr<const void> old;  // goes after the locks
    LockSet locks(engine_);
    locks.add_all();
    locks.lock();
    old = engine_.replace_state(std::move(state), committed);
    epoch_.fetch_add(1);  // who read before this shows what may never have been
  }
  follower_.restart_from(committed);
  for (const auto& [lsn, bytes] : behind) {
    const wal::RecordView record{.lsn = lsn, .bytes = bytes};
    follower_.keep({&record, 1}, lsn);
  }
  follower_.keep({}, last);
  return {};
}

Status Database::promote(std::uint64_t seen) {
  if (is_slave()) {
    const Lsn last = log_->last_lsn();
    KIMDB_RETURN_IF_ERROR(log_->sync_through(last));
    // Not shown yet: what the former master did not tell to be committed, the new one's quorum must
    // have first.
    KIMDB_RETURN_IF_ERROR(follower_.apply_through(last));
    indexes_.keep_up();  // a unique one has to be whole before anybody writes
  }
  // Who writes holds a partition's lock.
  LockSet locks(engine_);
  locks.add_all();
  locks.lock();
  KIMDB_RETURN_IF_ERROR(log_->lead(seen));
  is_slave_.store(false, std::memory_order_release);
  return {};
}

// The old state is shown until the new one is whole, in memory beside it and on disk.
Status Database::take_copy(wal::IncomingSnapshot& incoming) {
  const std::int64_t begin = environment_.clock.monotonic_ns();
  const auto file = incoming.finish();
  if (!file) return file.error();
  auto copy = make_engine();
  KIMDB_RETURN_IF_ERROR(load_snapshot(*file, *copy));
  const wal::Position end = file->end();
  KIMDB_RETURN_IF_ERROR(checkpointer_->exclude([&]() -> Status {
    Status accepted = incoming.accept();
    if (accepted)
      return change_feed_.exclude([&] {
        Status restarted = log_->restart_behind_snapshot();
        change_feed_.lose_all(
            {ErrorCode::not_found, "this server has taken a copy of its master's data"});
        return restarted;
      });
    if (failure_listener_) failure_listener_(accepted.error());
    return accepted;
  }));
  checkpointer_->start_from(end.lsn, now_ms());
  {
    std::shared_ptr<const void> old;  // goes after the locks
    LockSet locks(engine_);
    locks.add_all();
    locks.lock();
    old = engine_.replace_state(std::move(copy), end.lsn);
  }
  follower_.restart_from(end.lsn);
  raise_time_floor(end.commit_time_ms);
  log_->set_replicated_lsn(end.lsn);
  committed_rose();
  logger().info("the copy of the master's data at LSN {} was loaded in {:.3f} s", end.lsn,
                static_cast<double>(environment_.clock.monotonic_ns() - begin) / 1e9);
  return {};
}

}  // namespace kimdb::database
