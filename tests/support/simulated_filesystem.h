// A filesystem in memory whose calls can be made to fail, and whose history gives every state a
// crash could leave.
//
// As seen by the program it behaves like a machine that stays up: what was written is read back.
// While recording, every operation is kept; CrashStates (below) rebuilds from that what the disk
// may hold if the power goes at any point: synced data and synced directory entries for certain,
// anything of the rest.
//
// Thread-safe. Paths are compared as they are given. Owned by a test; files must not outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/filesystem.h"
#include "base/mutex.h"
#include "base/random.h"

namespace kimdb::support {

enum class Fault {
  io_error,   // the call fails; a write has written half, a sync may have lost what it should have
              // synced
  disk_full,  // the call fails where it may need room
  short_write,  // a write writes half and says so
};

class SimulatedFilesystem final : public Filesystem {
 public:
  // What happened, in order; for CrashStates.
  struct Event {
    enum class Kind {
      write,
      resize,  // to `offset` bytes: truncated, or extended by zeros
      sync,
      sync_failed,
      link,  // `path` now names `file`, and `from` no longer does where it is not empty
      unlink,
      sync_directory,
      mark,  // `offset` is the test's
    };
    Kind kind = Kind::mark;
    std::uint64_t file = 0;
    std::uint64_t offset = 0;
    std::string bytes;
    std::string path;
    std::string from;
  };

  SimulatedFilesystem() = default;
  // Files with these contents, all of it durable. Directories are those of the paths.
  explicit SimulatedFilesystem(
      const std::map<std::string, std::shared_ptr<const std::string>>& files,
      const std::set<std::string>& directories);

  // From now on the calls of filesystem and files count from 1; the one numbered `number` gets the
  // fault.
  void fail_call(std::uint64_t number, Fault fault);
  std::uint64_t calls() const;
  // The next sync of the file into which a write that contains `text` goes from now on fails.
  void fail_sync_after(std::string text);
  // The fault was met by a call that it applies to.
  bool fault_happened() const;
  // Bytes of all files together; none: as much as one likes.
  void set_capacity(std::optional<std::uint64_t> bytes);
  std::uint64_t used_bytes() const;

  // Is called before each write with the file's path, by the thread that writes, and may wait. Set
  // before other threads use the files.
  void before_writes(std::function<void(const std::string& path)> call) {
    before_write_ = std::move(call);
  }

  // Puts a mark into the recorded history: everything before it happened before.
  void mark(std::uint64_t value);
  void record() { recording_ = true; }
  std::vector<Event> take_events();
  const std::set<std::string>& directories() const { return directories_; }

  // The files by path, for tests that damage them.
  std::string contents(const std::string& path) const;
  void set_contents(const std::string& path, std::string bytes);
  void flip_bit(const std::string& path, std::uint64_t bit);
  std::vector<std::string> files_below(const std::string& directory) const;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status make_directories(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view holder) override;

 private:
  class SimulatedFile;
  class SimulatedLock;
  struct Node {
    std::uint64_t number = 0;
    std::string bytes;
    bool linked = true;
    bool fails_sync = false;
  };

  // Counts the call; the fault where this one has it.
  std::optional<Fault> next_call() REQUIRES(mutex_);
  // The error of a call that fails whatever it is; `needs_room`: a full disk stops it.
  Status simple_call(const std::string& what, bool needs_room) REQUIRES(mutex_);
  bool has_room(std::uint64_t old_size, std::uint64_t new_size) const REQUIRES(mutex_);
  void add_event(Event event) REQUIRES(mutex_);
  // A file into which these bytes were written is to fail its next sync.
  bool breaks_sync(std::string_view written) const REQUIRES(mutex_);

  std::function<void(const std::string&)> before_write_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> files_ GUARDED_BY(mutex_);
  std::set<std::string> directories_;
  std::map<std::string, std::string> locks_ GUARDED_BY(mutex_);
  std::uint64_t nodes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t used_ GUARDED_BY(mutex_) = 0;
  std::optional<std::uint64_t> capacity_ GUARDED_BY(mutex_);
  std::uint64_t calls_ GUARDED_BY(mutex_) = 0;
  std::uint64_t failing_call_ GUARDED_BY(mutex_) = 0;
  Fault fault_ GUARDED_BY(mutex_) = Fault::io_error;
  std::string sync_fails_after_ GUARDED_BY(mutex_);
  bool fault_happened_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> recording_{false};
  std::vector<Event> events_ GUARDED_BY(mutex_);
};

// Walks through a recorded history and makes states that a loss of power could leave at each point.
class CrashStates {
 public:
  struct State {
    std::unique_ptr<SimulatedFilesystem> filesystem;
    std::uint64_t mark = 0;         // the highest mark before the crash
    std::uint64_t fingerprint = 0;  // of all names and contents: equal states count once
  };

  CrashStates(std::vector<SimulatedFilesystem::Event> events, std::set<std::string> directories,
              Random& random)
      : events_(std::move(events)), directories_(std::move(directories)), random_(random) {}

  // Goes one event on; false at the end.
  bool advance();
  // How many operations are not synced at this point: 0 means that there is only one state.
  std::size_t pending() const;
  // Unsynced writes kept, dropped or torn at 512 bytes, each by itself; unsynced directory
  // operations kept or dropped.
  State make();

 private:
  using Bytes = std::shared_ptr<const std::string>;
  static void apply(std::string& bytes, const SimulatedFilesystem::Event& event);
  void apply_torn(std::string& bytes, const SimulatedFilesystem::Event& event);
  void settle(std::uint64_t file);

  std::vector<SimulatedFilesystem::Event> events_;
  std::set<std::string> directories_;
  Random& random_;
  std::size_t next_ = 0;
  std::uint64_t mark_ = 0;
  std::map<std::string, std::uint64_t> names_;                      // durable
  std::map<std::uint64_t, Bytes> contents_;                         // durable
  std::map<std::uint64_t, std::vector<std::size_t>> pending_data_;  // events by file
  std::vector<std::size_t> pending_names_;                          // events
  std::map<const std::string*, std::pair<Bytes, std::uint64_t>> fingerprints_;
};

}  // namespace kimdb::support
