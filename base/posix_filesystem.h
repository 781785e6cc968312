// The Filesystem of the machine: pread, pwritev, fdatasync, posix_fallocate, F_OFD_SETLK.
//
// Stateless and thread-safe. One thread at a time writes a File; reads at the same time are fine.
// Interrupted calls are repeated, a failed fdatasync never is.
#pragma once

#include "base/filesystem.h"

namespace kimdb {

class PosixFilesystem final : public Filesystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status make_directories(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;
  // An open file description lock: it does not end when some other descriptor of the file is
  // closed, as lockf's does.
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view holder) override;
};

}  // namespace kimdb
