// The directory of `wal.data_directory`: its lock, META and where everything lies.
//
//   LOCK        held as long as this object lives
//   META        wal/meta.h
//   RESERVE     room that is given back when META cannot be written for lack of it
//   log/        <sequence>-<first_lsn>.wal, next.tmp
//   snapshots/  <lsn>.<term>.snap
//   incoming/   wal/incoming.h; of a slave
//
// Owned by Database, outlives the log and whatever reads it. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/filesystem.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "wal/meta.h"

namespace kimdb::wal {

struct SnapshotName {
  Lsn lsn = 0;
  std::uint64_t term = 0;
};
std::string to_file_name(const SnapshotName& name);  // <lsn>.<term>.snap
std::optional<SnapshotName> parse_snapshot_name(std::string_view file_name);

class DataDirectory {
 public:
  // Makes the directory where it is missing, takes the lock, reads META or begins a new one.
  // Errors: unavailable (another process holds it, named), permission_denied, corrupt and
  // unsupported (nothing is touched). The seams outlive the object; `random` is only used under
  // this object's lock.
  static Result<std::unique_ptr<DataDirectory>> open(Filesystem& filesystem, Clock& clock,
                                                     Random& random, const std::string& directory);

  Filesystem& filesystem() const { return filesystem_; }
  Clock& clock() const { return clock_; }
  std::uint64_t random();

  const std::string& path() const { return path_; }
  const std::string& log_directory() const { return log_directory_; }
  const std::string& snapshot_directory() const { return snapshot_directory_; }
  const std::string& incoming_directory() const { return incoming_directory_; }

  Meta meta() const;
  // Changes META and syncs it. After an error what META says is one of the two.
  Status update_meta(const std::function<void(Meta&)>& change);

  // Ordered by sequence number (not by name: "10-…" stands before "2-…"). corrupt where two have
  // the same number.
  Result<std::vector<SegmentName>> list_segments() const;
  // Newest first.
  Result<std::vector<SnapshotName>> list_snapshots() const;
  std::string segment_path(const SegmentName& name) const {
    return log_directory_ + "/" + to_file_name(name);
  }
  std::string snapshot_path(const SnapshotName& name) const {
    return snapshot_directory_ + "/" + to_file_name(name);
  }
  std::string next_segment_path() const { return log_directory_ + "/next.tmp"; }

  // Makes RESERVE again where it was given back and there is room.
  void restore_reserve();

 private:
  DataDirectory(Filesystem& filesystem, Clock& clock, Random& random, std::string directory);
  Status begin();
  Status create_meta() REQUIRES(mutex_);
  Status write_meta(const Meta& meta) REQUIRES(mutex_);

  Filesystem& filesystem_;
  Clock& clock_;
  Random& random_ GUARDED_BY(mutex_);
  const std::string path_;
  const std::string log_directory_;
  const std::string snapshot_directory_;
  const std::string incoming_directory_;  // made where it is needed
  std::unique_ptr<FileLock> lock_;
  mutable Mutex mutex_;
  std::unique_ptr<File> meta_file_ GUARDED_BY(mutex_);
  Meta meta_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::wal
