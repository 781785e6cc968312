// The segmented write-ahead log as its user sees it: append records, wait until they are durable.
//
// A record is a string of bytes with an LSN; the log never learns what it means. Records gather in the open frame;
// one thread at a time closes it, writes and syncs it: the writer thread, or an I/O thread that finds the log idle and
// does the work itself (group commit; see wal/append_buffer.h for how records reach the frame without a lock).
//
// Owned by Database. Thread-safe unless said otherwise. The log is a leaf: it calls nobody while a caller's lock is
// held, except `fill` inside append.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/lsn.h"
#include "base/result.h"

namespace kimdb::wal {

enum class Sync {
  commit,    // a record is committed when its frame is synced
  interval,  // committed when it is in the open frame; synced every flushing_batch_timeout
  off,       // the same, and never synced except at a clean stop, a snapshot, or when asked (sync_through)
};

struct LogOptions {
  Sync sync = Sync::commit;
  std::uint64_t max_segment_size = 10 << 20;      // bytes; a larger frame gets a segment of its own
  std::uint64_t max_transaction_size = 64 << 20;  // bytes of one record
  std::uint64_t buffer_size = 64 << 20;           // bytes that may wait for the writer before reserve() blocks
  std::uint32_t flushing_batch_size = 100;        // records, sync: interval
  std::chrono::milliseconds flushing_batch_timeout{10};
};

// What the log tells its owner. Called without any lock held, from the thread that wrote (the writer thread, or the
// caller of commit_here); from none before open() has returned.
struct LogEvents {
  std::function<void(Lsn durable)> durable;        // durable_lsn() rose to this
  // A write or a sync failed. Nothing that waits may be acknowledged any more and the process must end: the kernel may
  // have dropped the pages, so the log never tries again. Called once.
  std::function<void(const Error&)> failed;
  std::function<void(bool read_only)> disk_full;   // reserve() began or ceased to refuse
};

class DataDirectory;
struct Recovered;

class Log {
 public:
  // Continues the log of `directory` behind what recovery found, in a new segment where recovery says so, and starts
  // the writer thread. `directory`, `filesystem`, `clock`, `random` outlive the log.
  static Result<std::unique_ptr<Log>> open(DataDirectory& directory, const Recovered& recovered, LogOptions options,
                                           LogEvents events);
  // wal.enabled: false. LSNs count on behind `last_lsn`, nothing is kept, everything is durable at once.
  static std::unique_ptr<Log> in_memory(Lsn last_lsn);
  ~Log();

  // Call before taking any lock, with an upper bound of the records to append: waits while the buffer is full, and
  // refuses (disk_full, too_large, or unavailable after a failure) before anything has been changed.
  Status reserve(std::size_t bytes);

  // Draws the next LSN and puts the record into the open frame: `fill(char* out, Lsn lsn)` writes exactly `size` bytes.
  // Never fails and never waits for the disk. The record is in the frame when append returns. The caller
  // holds the locks that order this record against others of the same keys.
  template <class Fill>
  Lsn append(std::size_t size, Fill&& fill);

  Sync sync() const;
  Lsn last_lsn() const;     // the highest LSN drawn
  Lsn durable_lsn() const;  // everything up to here is on stable storage
  // Everything up to here may be shown: durable_lsn() with sync: commit, else last_lsn().
  Lsn committed_lsn() const;

  // Asks for everything up to `lsn` to be made durable soon; returns at once. With sync: commit the writer does so
  // anyway for what was appended, but has to be woken: call this (or commit_here) after a batch of appends.
  void request_sync(Lsn lsn);
  // The same, done by the calling thread where the log is idle; true when durable_lsn() >= lsn now.
  bool commit_here(Lsn lsn);
  // Waits until durable_lsn() >= lsn. Not for I/O threads.
  Status sync_through(Lsn lsn);

  // A clean stop: everything written and synced, a watermark frame, META. No append after it.
  Status close();
};

}  // namespace kimdb::wal
