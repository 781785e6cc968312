// Writing snapshots while the database runs, and removing the log they make superfluous.
//
// A snapshot is the engine's sections, copied while writes go on, then the records from before the
// first section to after the last one: the file alone is the exact state at its LSN. It is
// published when that LSN is durable; then what is older than the second newest snapshot is
// deleted. Thread-safe; one snapshot is written at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "wal/format.h"

namespace kimdb::wal {
class SnapshotWriter;
}

namespace kimdb::database {

class Database;

class Checkpointer {
 public:
  explicit Checkpointer(Database& database) : database_(database) {}

  struct Progress {
    bool running = false;
    bool last_failed = false;
    std::int64_t last_success_ms = 0;  // Unix ms; the start where there was none
    Lsn last_lsn = 0;                  // of the newest snapshot
  };
  Progress progress() const;

  // Writes a snapshot and waits for it; waits for one that is being written first. Not for I/O
  // threads.
  Status save();
  // Lets a worker do it; false where one is being written.
  bool save_in_background();
  // The log has grown so much since the last snapshot that replaying it would take longer than
  // loading that.
  bool due_by_size() const;
  // Runs `action` while no snapshot is being written; its result.
  Status exclude(const std::function<Status()>& action);
  // Recovery, or a copy of a master's data, tells what it found.
  void start_from(Lsn snapshot_lsn, std::int64_t now_ms);

 private:
  // A smaller log is replayed faster than anybody could notice.
  static constexpr std::uint64_t kLogBytesMin = 256 << 20;

  Status write();
  Status wait_until_committed(Lsn lsn);
  Status copy_state(wal::SnapshotWriter& writer, Lsn first);
  Result<wal::Position> append_records(wal::SnapshotWriter& writer, Lsn first, Lsn last);

  Database& database_;
  Mutex writing_;  // held while a snapshot is written
  std::atomic<bool> scheduled_{false};
  std::atomic<bool> running_{false};
  std::atomic<bool> last_failed_{false};
  std::atomic<std::int64_t> last_success_ms_{0};
  std::atomic<Lsn> last_lsn_{0};
  std::atomic<std::uint64_t> last_bytes_{0};         // of the newest snapshot
  std::atomic<std::uint64_t> log_bytes_at_last_{0};  // Log::written_bytes() when it was written
};

}  // namespace kimdb::database
