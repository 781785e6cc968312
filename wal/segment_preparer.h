// Prepares the next segment in the background, so that the writer finds room when it needs it, and
// keeps META's marks.
//
// The next segment is log/next.tmp: room for it is reserved and synced, with sync: commit as zeros
// that were written (a synced write into merely reserved blocks has to sync the file's metadata as
// well). When the disk is full it is tried again until there is room; as long as that lasts
// disk_full() is true, and the log refuses writes.
//
// Owned by Log, with a thread of its own. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/filesystem.h"
#include "base/mutex.h"
#include "base/result.h"
#include "wal/data_directory.h"

namespace kimdb::wal {

class SegmentPreparer {
 public:
  struct Options {
    std::uint64_t segment_size = 0;
    bool write_zeros = false;
    std::uint64_t keep_free_bytes = 0;  // the disk counts as full where less would stay free
    std::chrono::milliseconds retry{100};
  };
  struct Prepared {
    std::unique_ptr<File> file;  // next.tmp
    std::uint64_t size = 0;
  };

  SegmentPreparer(DataDirectory& directory, Options options);
  ~SegmentPreparer();

  // Starts the thread. `changed`: ready_bytes() or disk_full() did. `failed`: the filesystem did,
  // other than by being full. Both are called without a lock held.
  void start(std::function<void()> changed, std::function<void(const Error&)> failed);

  // Waits for the first segment; does not wait for room.
  Status wait_until_ready();

  // Waits until a segment of at least `size` bytes is there, however long the disk is full, unless
  // give_up_when_full(). The error that `failed` was told where preparing has failed; unavailable
  // after stop().
  Result<Prepared> take(std::uint64_t size);
  // What was taken has got its own name, next.tmp is free again.
  void installed();
  // The next segment shall have at least `size` bytes.
  void want(std::uint64_t size);
  // Bytes of the segment that is ready; 0 where none is.
  std::uint64_t ready_bytes() const;
  bool disk_full() const;
  void set_keep_free_bytes(std::uint64_t bytes);

  // A write found the disk full although room had been reserved: says so, waits a little, and
  // returns false where the writer shall not try again.
  bool wait_for_room();
  // The write that had found it full went through.
  void room_found();

  // META shall say that segment `sequence` exists and that everything up to `durable` is synced.
  void mark(std::uint64_t sequence, Lsn durable);
  // No mark of before is written after this: the log is about to be cut.
  void forget_marks();

  // From now on take() and wait_for_room() end with disk_full instead of waiting.
  void give_up_when_full();

  // Ends the thread. What is ready is removed.
  void stop();

 private:
  struct Mark {
    std::uint64_t sequence = 0;
    Lsn durable = 0;
  };

  void run();
  Result<Prepared> prepare(std::uint64_t size, std::uint64_t keep_free_bytes);
  Result<Prepared> prepare_file(std::uint64_t size);

  DataDirectory& directory_;
  const Options options_;
  std::function<void()> changed_;
  std::function<void(const Error&)> failed_;
  mutable Mutex mutex_;
  CondVar changed_condition_;
  std::optional<Prepared> ready_ GUARDED_BY(mutex_);
  std::uint64_t wanted_ GUARDED_BY(mutex_) = 0;
  std::uint64_t keep_free_bytes_ GUARDED_BY(mutex_) = 0;
  std::optional<Mark> mark_ GUARDED_BY(mutex_);
  bool marking_ GUARDED_BY(mutex_) = false;  // one is being written
  bool in_hand_ GUARDED_BY(mutex_) = false;  // next.tmp was taken and still has that name
  bool preparing_found_full_ GUARDED_BY(mutex_) = false;
  bool writing_found_full_ GUARDED_BY(mutex_) = false;
  bool gives_up_ GUARDED_BY(mutex_) = false;
  std::optional<Error> broken_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kimdb::wal
