// The filesystem seam. All disk I/O of the log, snapshots and recovery goes through it.
//
// Implementations: PosixFilesystem (base/posix_filesystem.h) and the tests' filesystems that lose
// what was not synced or whose nth call fails. Thread-safe: different files may be used at the same
// time; one File is used by one thread at a time unless said otherwise. Paths are bytes as the
// operating system takes them. Errors name the path and say what the system said; ENOSPC and EDQUOT
// come back as ErrorCode::disk_full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kimdb {

// One open file. Closing it (the destructor) syncs nothing.
class File {
 public:
  virtual ~File() = default;

  // Reads up to `size` bytes at `offset` into `out`; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) = 0;
  // Writes at `offset`, growing the file where needed. May write fewer bytes than given (at least
  // one): write_all.
  virtual Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  // The same for pieces that follow one another in the file, in one call of the operating system
  // where it can.
  virtual Result<std::size_t> write_pieces_at(std::uint64_t offset,
                                              std::span<const std::string_view> pieces);
  // Returns after the data and the size needed to read it are on stable storage (fdatasync). After
  // an error nothing may be assumed of what was written since the last success, and the call must
  // not be repeated.
  virtual Status sync() = 0;
  // A hint: what was synced will hardly be read soon and need not stay in memory.
  virtual void forget_cached() {}
  virtual Status truncate(std::uint64_t size) = 0;
  // Reserves room for [0, size) so that writes into it do not fail for lack of it. Contents read as
  // zeros.
  virtual Status allocate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
};

// Held as long as the object lives; released by the operating system when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Filesystem {
 public:
  virtual ~Filesystem() = default;

  enum class OpenMode {
    read,        // must exist
    read_write,  // must exist
    create,      // must not exist
  };
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status remove(const std::string& path) = 0;
  // Replaces `to` where it exists. Durable after sync_directory of the directories of both.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  // Names (not paths) of the entries of a directory, sorted, without . and ..
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  // Makes the directory and its missing parents, each synced into its parent.
  virtual Status make_directories(const std::string& directory) = 0;
  // Makes creations, removals and renames in the directory durable.
  virtual Status sync_directory(const std::string& directory) = 0;
  virtual Result<std::uint64_t> free_bytes(const std::string& directory) = 0;
  // Takes an exclusive lock on `path`, created where missing, and writes `holder` into it. When
  // another process has it: ErrorCode::unavailable, with that process's holder text in the message.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path,
                                                 std::string_view holder) = 0;
};

// Writes all of `bytes`, continuing after short writes.
Status write_all(File& file, std::uint64_t offset, std::string_view bytes);
// The same for pieces that follow one another in the file.
Status write_all(File& file, std::uint64_t offset, std::span<const std::string_view> pieces);
// Reads exactly `size` bytes; corrupt when the file ends before.
Result<std::string> read_exactly(File& file, std::uint64_t offset, std::size_t size);
// A new file with these contents, synced (its directory is not).
Status write_new_file(Filesystem& filesystem, const std::string& path, std::string_view contents);
// Removes the file where it exists.
Status remove_if_exists(Filesystem& filesystem, const std::string& path);
// The whole file, refused (too_large) over `limit` bytes.
Result<std::string> read_file(Filesystem& filesystem, const std::string& path, std::uint64_t limit);

}  // namespace kimdb
