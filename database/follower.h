// A slave's state: applies the records of the master's log once they are committed.
//
// Records wait in the order of their LSNs; what waits was written to this node's log already, and
// may still be cut there. So memory never holds what would have to be taken back. Thread-safe for
// one writer; applied_lsn() from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "base/result.h"
#include "engine/engine.h"
#include "wal/format.h"
#include "wal/scan.h"

namespace kimdb::database {

class Follower {
 public:
  explicit Follower(engine::Engine& engine) : engine_(engine) {}

  // Recovery: everything up to `lsn` is in the engine.
  void start_from(Lsn lsn) { applied_.store(lsn, std::memory_order_release); }
  // The engine's state is another one: everything up to `lsn` is in it, nothing waits.
  void restart_from(Lsn lsn);
  // The records behind applied_lsn() and behind those kept before; those at or below are left out.
  // `last`: of the frame, which may end in a record of the log's own.
  void keep(std::span<const wal::RecordView> records, Lsn last);
  // Applies what waits at or below `lsn`, each record under its partitions' locks. An error
  // where one cannot be read: nothing of it, and nothing behind it, is applied.
  Status apply_through(Lsn lsn);
  // Forgets what waits behind `lsn`.
  void drop_behind(Lsn lsn);

  Lsn applied_lsn() const { return applied_.load(std::memory_order_acquire); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Record {
    Lsn lsn;
    std::string bytes;
  };

  static constexpr std::size_t kRecordsAhead = 16;

  Status apply_some(Lsn lsn);
  // Appends to operations_.
  Status decode(const Record& record);
  void apply(Lsn lsn, std::span<const engine::Operation> operations);

  engine::Engine& engine_;
  std::deque<Record> waiting_;
  std::vector<engine::Operation> operations_;  // of the records being applied
  Lsn last_kept_ = 0;                          // including records of the log's own
  std::atomic<Lsn> applied_{0};
};

}  // namespace kimdb::database
