#include "database/maintenance.h"

#include <chrono>

#include "database/database.h"
#include "database/sql/sql.h"

namespace kimdb::database {

using namespace std::chrono_literals;

namespace {

constexpr auto kTick = 50ms;
// The share of a tick that removing expired entries may take.
constexpr auto kSweepBudget = 12ms;
constexpr int kOrphanRecords = 200;  // at a time

}  // namespace

Maintenance::Maintenance(Database& database) : database_(database), thread_([this] { run(); }) {}

Maintenance::~Maintenance() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.notify_all();
  }
  thread_.join();
}

void Maintenance::run() {
  for (int tick = 0;; ++tick) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) stop_.wait_for(mutex_, kTick);
      if (stopping_) return;
    }
    sweep();
    database_.check_waiters();
    // Of a slave: what its master has made or dropped.
    database_.indexes().keep_up_if_idle();
    if (tick % 20 == 0) {
      database_.engine().prune();
      remove_orphans();
      database_.sql().keep_history();
      snapshot_when_due();
    }
  }
}

void Maintenance::sweep() {
  database_.engine().set_access_time(static_cast<std::uint32_t>(database_.now_ms() / 1000));
  database_.sweep_expired(kSweepBudget);
}

// Rows of dropped tables, in small records with locks that nobody waits for long.
void Maintenance::remove_orphans() {
  if (database_.is_slave()) return;  // its master says what is removed
  for (int records = 0; records < kOrphanRecords && !database_.sql().remove_orphans(); ++records) {
  }
}

void Maintenance::snapshot_when_due() {
  if (!database_.options().wal_enabled) return;
  const Checkpointer::Progress progress = database_.checkpointer().progress();
  if (progress.running || database_.applied_lsn() == progress.last_lsn) return;
  const std::int64_t interval_ms = database_.snapshot_interval().count();
  const bool by_time =
      interval_ms != 0 && database_.now_ms() - progress.last_success_ms >= interval_ms;
  if (by_time || database_.checkpointer().due_by_size())
    database_.checkpointer().save_in_background();
}

}  // namespace kimdb::database
