// The segmented write-ahead log as its user sees it: append records, wait until they are durable.
//
// A record is a string of bytes with an LSN; the log never learns what it means. Records gather in
// the open frame; one thread at a time closes it, writes and syncs it: the writer thread, or an I/O
// thread that finds the log idle and does the work itself (group commit; see wal/append_buffer.h
// for how records reach the frame without a lock).
//
// Owned by Database. Thread-safe unless said otherwise. The log is a leaf: it calls nobody while a
// caller's lock is held, except `fill` inside append.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/duration_histogram.h"
#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "wal/append_buffer.h"
#include "wal/data_directory.h"
#include "wal/recovery.h"

namespace kimdb::wal {

enum class Sync {
  commit,    // a record is committed when its frame is synced
  interval,  // committed when it is in the open frame; synced every flushing_batch_timeout
  off,       // the same, and never synced except at a clean stop, a snapshot, or when asked
             // (sync_through)
};

struct LogOptions {
  Sync sync = Sync::commit;
  std::uint64_t max_segment_size = 10 << 20;      // bytes; a larger frame gets a segment of its own
  std::uint64_t max_transaction_size = 64 << 20;  // bytes of one record
  std::uint64_t buffer_size =
      64 << 20;  // bytes that may wait for the writer before reserve() blocks
  std::uint32_t flushing_batch_size = 100;  // records, sync: interval
  std::chrono::milliseconds flushing_batch_timeout{10};
  std::uint64_t keep_free_bytes = 0;           // the disk counts as full where less would stay free
  std::chrono::milliseconds idle_timeout{50};  // without a record: a watermark frame
  std::chrono::milliseconds disk_full_retry{100};
  bool follows = false;  // the log of a slave: it begins no term, frames come by follow()
  // Commits wait for set_replicated_lsn(); until it is called, what recovery found is committed.
  bool replicated = false;
};

// What the log tells its owner. Called without any lock held, from the thread that wrote (the
// writer thread, or the caller of commit_here); from none before open() has returned.
struct LogEvents {
  std::function<void(Lsn written)> written;  // written_lsn() rose to this; the sync follows
  std::function<void(Lsn durable)> durable;  // durable_lsn() rose to this
  // A write or a sync failed. Nothing that waits may be acknowledged any more and the process must
  // end: the kernel may have dropped the pages, so the log never tries again. Called once.
  std::function<void(const Error&)> failed;
  std::function<void(bool read_only)> disk_full;  // reserve() began or ceased to refuse
};

// Who writes to the files at the moment: the writer thread, or a caller of commit_here. A lock that
// is never waited for.
class CAPABILITY("role") FlushRole {
 public:
  bool try_take() TRY_ACQUIRE(true) { return !taken_.exchange(true); }
  void give_back() RELEASE() { taken_.store(false); }
  bool is_taken() const { return taken_.load(); }

 private:
  std::atomic<bool> taken_{false};
};

class SegmentPreparer;
class Writer;

class Log {
 public:
  // Continues the log of `directory` behind what recovery found, in a new segment and (unless it
  // follows) a new term, and starts the writer thread. `directory` outlives the log. Errors: those
  // of the filesystem, disk_full where there is no room for a segment.
  static Result<std::unique_ptr<Log>> open(DataDirectory& directory, const Recovered& recovered,
                                           LogOptions options, LogEvents events);
  // wal.enabled: false. LSNs count on behind `last_lsn`, nothing is kept, everything is durable at
  // once.
  static std::unique_ptr<Log> in_memory(Lsn last_lsn);
  ~Log();  // as a crash would end it, but for close()

  // Call before taking any lock, with an upper bound of the records to append: waits while the
  // buffer is full, and refuses (disk_full, too_large, or unavailable after a failure) before
  // anything has been changed.
  Status reserve(std::size_t bytes) {
    if (bytes <= kReserveUnchecked &&
        buffer_waiting_bytes() < allowed_waiting_bytes_.load(std::memory_order_relaxed))
        [[likely]] {
      return {};
    }
    return reserve_slowly(bytes);
  }

  // Draws the next LSN and puts the record into the open frame: `fill(char* out, Lsn lsn)` writes
  // exactly `size` bytes. Never fails and never waits for the disk. The record is in the frame when
  // append returns. The caller holds the locks that order this record against others of the same
  // keys.
  template <class Fill>
  Lsn append(std::size_t size, Fill&& fill) {
    if (buffer_ != nullptr) [[likely]]
      return buffer_->append(size, std::forward<Fill>(fill));
    const Lsn lsn = memory_lsn_.fetch_add(1, std::memory_order_relaxed) + 1;
    thread_local std::string scratch;
    scratch.resize(size);
    fill(scratch.data(), lsn);
    return lsn;
  }

  // A slave's log: writes a frame of the master's log behind its own end; not synced yet. corrupt
  // where it does not follow that, and nothing is written. One thread at a time; nobody appends.
  Status follow(const FrameHeader& shared, std::string_view payload);
  // Where the log ends; its owner appends nothing meanwhile.
  Position end();
  // Gives up what lies behind `lsn`, where a frame ends; copies of it are kept beside the log. The
  // owner has applied nothing of it, nobody appends or reads the log meanwhile.
  Status cut_behind(Lsn lsn);
  // A slave's log: gives up all of it for the snapshot that was accepted (wal/incoming.h), and goes
  // on behind that. Nobody appends or reads the log meanwhile.
  Status restart_behind_snapshot();
  // Begins a term of its own, higher than `seen` and than its own, synced when this returns; a log
  // that follows ends that. The owner lets nobody append meanwhile.
  Status lead(std::uint64_t seen);

  Sync sync() const { return options_.sync; }
  // The highest one known: that lead() or open() began, or of a frame that was followed. 0 in
  // memory.
  std::uint64_t term() const { return term_.load(std::memory_order_relaxed); }
  // The highest LSN drawn. Reads the line that appends write.
  Lsn last_lsn() const {
    return buffer_ != nullptr ? buffer_->last_lsn() : memory_lsn_.load(std::memory_order_relaxed);
  }
  // Everything up to here is on stable storage.
  Lsn durable_lsn() const {
    return buffer_ != nullptr ? durable_lsn_.load(std::memory_order_acquire)
                              : memory_lsn_.load(std::memory_order_relaxed);
  }
  // Everything up to here is in the files and can be read from them; a crash may still take it.
  Lsn written_lsn() const { return written_lsn_.load(std::memory_order_acquire); }
  // Everything up to here may be shown: with sync: commit what is durable and replicated, else
  // last_lsn().
  Lsn committed_lsn() const {
    return options_.sync == Sync::commit
               ? std::min(durable_lsn(), replicated_lsn_.load(std::memory_order_acquire))
               : last_lsn();
  }
  // Replication says how far the replicas are that a commit waits for (a slave's: how far it has
  // applied). ~0, as it is at first: a commit waits for none.
  void set_replicated_lsn(Lsn lsn) {
    replicated_lsn_.store(lsn);
    if (writer_waits_for_ever_.load()) wake_for_watermark();
  }

  // Asks for everything up to `lsn` to be made durable soon; returns at once. With sync: commit the
  // writer does so anyway for what was appended, but has to be woken: call this (or commit_here)
  // after a batch of appends.
  void request_sync(Lsn lsn);
  // The same, done by the calling thread where the log is idle; true when durable_lsn() >= lsn now.
  bool commit_here(Lsn lsn);
  // Waits until durable_lsn() >= lsn. Not for I/O threads. unavailable after a failure.
  Status sync_through(Lsn lsn);

  // How long the syncs of the log took since it was opened.
  DurationHistogram::Counts sync_durations() const {
    DurationHistogram::Counts counts;
    sync_durations_.add_to(counts);
    return counts;
  }
  // Bytes written to the log since it was opened.
  std::uint64_t written_bytes() const { return written_bytes_.load(std::memory_order_relaxed); }

  bool disk_full() const { return disk_full_.load(std::memory_order_relaxed); }
  // Refuse writes while less than this would stay free: the room for one checkpoint.
  void set_keep_free_bytes(std::uint64_t bytes);

  // A clean stop: everything written and synced, a watermark frame, META. No append after it.
  // disk_full or the failure where that could not be done.
  Status close();

 private:
  // Up to so many bytes reserve() only looks whether the log keeps up; more are counted.
  static constexpr std::size_t kReserveUnchecked = 64 << 10;

  Log(LogOptions options, LogEvents events);
  Status start(DataDirectory& directory, const Recovered& recovered);
  Status reserve_slowly(std::size_t bytes);
  std::uint64_t buffer_waiting_bytes() const {
    return buffer_ != nullptr ? buffer_->waiting_bytes() : 0;
  }

  void run_writer();
  // Waits until there is something to write; false where the log is to stop.
  bool wait_for_work();
  // While `idle` holds, with a watermark where one is due.
  template <class Idle>
  void wait_idle(Idle&& idle);
  // Waits for a wake or until the time is over; true when woken. `still_idle` is looked at once
  // more after announcing it.
  template <class Idle>
  bool wait_for_wake(std::chrono::nanoseconds timeout, Idle&& still_idle);
  void wake_writer();
  void wake_for_watermark();
  // The log itself does not say yet what is durable, or committed.
  bool watermark_is_due() const;
  bool sync_is_asked_for() const {
    return wanted_lsn_.load() > durable_lsn_.load() && !failed_.load(std::memory_order_relaxed);
  }

  // Waits while the writer thread is at it.
  void take_role() ACQUIRE(role_);
  // META's part of a term that begins; the second for the frame that says so.
  Status note_term(const TermStart& start);
  Status note_term(const FrameHeader& shared, std::string_view payload);
  Status cut_and_go_on(Lsn lsn) REQUIRES(role_);
  Status install_and_go_on() REQUIRES(role_);
  // Nothing is open any more, and all is synced.
  Status end_segment() REQUIRES(role_);
  // The log ends there now.
  Status go_on_at(const Position& end) REQUIRES(role_);
  // Writes what waits, and syncs it where `and_sync` says so.
  void flush(bool and_sync) REQUIRES(role_);
  void write_watermark() REQUIRES(role_);
  Status sync_writer() REQUIRES(role_);
  void note_written() REQUIRES(role_);
  Lsn committed_to_note() const REQUIRES(role_);
  // Lets go of the role and hands what has come in between to the writer thread.
  void leave() RELEASE(role_);
  void after_write(const Status& status) REQUIRES(role_);
  void fail(const Error& error);
  void update_room();
  void notify_waiters();
  void raise_wanted(Lsn lsn);
  bool can_write_at_once() const;
  bool is_stopping();
  void stop_writer();
  void stop_threads();

  const LogOptions options_;
  const LogEvents events_;
  DataDirectory* directory_ = nullptr;
  std::atomic<std::uint64_t> term_{0};
  std::unique_ptr<AppendBuffer> buffer_;  // null in memory
  std::unique_ptr<SegmentPreparer> preparer_;
  FlushRole role_;
  std::unique_ptr<Writer> writer_ PT_GUARDED_BY(role_);

  // Read by everybody, written once for each flush.
  alignas(64) std::atomic<Lsn> durable_lsn_{0};
  std::atomic<Lsn> written_lsn_{0};
  std::atomic<Lsn> replicated_lsn_{~Lsn{0}};
  std::atomic<std::uint64_t> allowed_waiting_bytes_{
      0};                            // reserve() lets pass while less waits; 0: nobody
  std::atomic<Lsn> flushed_lsn_{0};  // written, and synced where the mode says so
  std::atomic<std::uint64_t> written_bytes_{0};
  DurationHistogram sync_durations_;  // the role adds
  // The highest ones that the log itself says.
  std::atomic<Lsn> noted_durable_lsn_{0};
  std::atomic<Lsn> noted_committed_lsn_{0};
  std::atomic<std::uint64_t> room_{0};  // bytes of the active segment that are free
  std::atomic<bool> disk_full_{false};
  std::atomic<bool> failed_{false};

  alignas(64) std::atomic<Lsn> wanted_lsn_{0};  // somebody waits for this to become durable
  std::atomic<Lsn> memory_lsn_{0};
  std::atomic<bool> writer_waits_{false};           // wake_writer() has somebody to wake
  std::atomic<bool> writer_waits_for_ever_{false};  // not even a watermark is due

  Mutex room_mutex_;  // orders changes of allowed_waiting_bytes_ and disk_full_; a leaf
  Mutex mutex_;
  CondVar wake_condition_;     // the writer
  CondVar changed_condition_;  // waiters of sync_through and reserve
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool opened_ GUARDED_BY(mutex_) = false;
  Error failure_ GUARDED_BY(mutex_);
  std::atomic<int> waiters_{0};
  std::chrono::steady_clock::time_point last_flush_{};  // the writer thread's own
  bool announces_ = false;  // open() is about to return: events may be told; not changed after
  std::thread writer_thread_;
};

}  // namespace kimdb::wal
