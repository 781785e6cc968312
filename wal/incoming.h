// A snapshot that comes from another node, in parts, and takes the place of all that is here.
//
//   incoming/<lsn>.<term>.<salt>.<size>.part   as much of its file as has come
//   incoming/<lsn>.<term>.snap                 all of it, checked: accepted
//
// Until it is accepted, log and snapshots are as they were. From that rename on the directory is
// the snapshot's, and install_accepted() goes on wherever a crash broke it off. A power cut may
// spoil what came last of a .part; whoever reads the whole file finds that, and discards it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/filesystem.h"
#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/format.h"
#include "wal/snapshot_file.h"

namespace kimdb::wal {

// The .part. One thread.
class IncomingSnapshot {
 public:
  // With what an earlier process left. `directory` outlives it.
  static Result<IncomingSnapshot> open(DataDirectory& directory);

  struct Progress {
    SnapshotId id;
    std::uint64_t bytes = 0;  // that are here
  };
  const std::optional<Progress>& progress() const { return progress_; }

  // Parts of this file will come: behind what is here of it, else from its beginning.
  Status begin(const SnapshotId& id);
  // corrupt where the bytes do not follow those that are here, or do not fit the file.
  Status append(std::uint64_t offset, std::string_view bytes);
  bool is_whole() const { return progress_ && progress_->bytes == progress_->id.size; }
  // All has come: syncs it, and opens it. corrupt where it is not the file that was begun.
  Result<SnapshotFile> finish();
  // Its contents were read and checked. After an error nobody knows whether it is accepted: the
  // process must end, and the next one sees.
  Status accept();
  Status discard();

 private:
  explicit IncomingSnapshot(DataDirectory& directory) : directory_(&directory) {}
  std::string path() const;

  DataDirectory* directory_;
  std::optional<Progress> progress_;
  std::unique_ptr<File> file_;
  std::uint64_t synced_bytes_ = 0;
};

// Whether install_accepted() would do something.
Result<bool> has_accepted(const DataDirectory& directory);

// Puts an accepted snapshot in the place of the log and the snapshots that are there; gives where
// the log goes on. Nothing where none was accepted. Nobody uses log or snapshots meanwhile.
Result<std::optional<Position>> install_accepted(DataDirectory& directory);

}  // namespace kimdb::wal
