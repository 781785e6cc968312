// The file of a snapshot: opaque sections in checked blocks, and a footer that says what state they
// are.
//
//   [header 4096: magic, version, cluster_id, salt, crc]
//   blocks: [size u32][crc u32][bytes]...      size at most about 1 MiB, unless one append was
//   larger [footer: position of the log, term history, sections, crc][footer size u32][magic]
//
// A CRC is seeded with the salt and the offset of what it covers, as in the log. A section is a run
// of blocks; its kind is the caller's. Bytes of one append() are never split: a block holds whole
// items. The file appears under its name
// (<lsn>.<term>.snap) only when all of it was synced, read back and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/filesystem.h"
#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/format.h"
#include "wal/meta.h"

namespace kimdb::wal {

constexpr std::size_t kSnapshotBlockBytes = 1 << 20;

struct SnapshotSection {
  std::uint32_t kind = 0;    // the caller's
  std::uint32_t number = 0;  // the caller's: of a partition, say
  Lsn lsn = 0;               // the state of the log that the section was copied at
  std::uint64_t offset = 0;  // of its first block
  std::uint64_t size = 0;    // of its blocks
  std::uint64_t items = 0;   // appended
};

// Names one file for good: no other one has the same salt.
struct SnapshotId {
  Lsn lsn = 0;
  std::uint64_t term = 0;
  std::uint64_t salt = 0;
  std::uint64_t size = 0;  // bytes of the file
  bool operator==(const SnapshotId&) const = default;
};

// Writes one file. One thread. Removed again unless publish() has succeeded.
class SnapshotWriter {
 public:
  // One snapshot at a time: what an earlier one left is removed.
  static Result<std::unique_ptr<SnapshotWriter>> create(DataDirectory& directory);
  ~SnapshotWriter();

  // Ends the section before it.
  Status begin_section(std::uint32_t kind, std::uint32_t number, Lsn lsn);
  // Whole items of the section, as they shall be read.
  Status append(std::string_view bytes);
  std::uint64_t written_bytes() const { return offset_; }

  // Footer, sync, read back and verify, rename, sync the directory, META. `end` is what the
  // snapshot is exact at.
  Result<SnapshotName> publish(const Position& end, const std::vector<TermStart>& history);

 private:
  SnapshotWriter(DataDirectory& directory, std::string path, std::unique_ptr<File> file)
      : directory_(directory), path_(std::move(path)), file_(std::move(file)) {}
  Status end_block();

  DataDirectory& directory_;
  const std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t salt_ = 0;
  std::uint64_t offset_ = 0;  // of the block being filled
  std::string block_;         // with room for its header
  std::vector<SnapshotSection> sections_;
  bool published_ = false;
};

// A file that can be read. Reading sections is thread-safe: each SectionReader has a file of its
// own.
class SnapshotFile {
 public:
  class SectionReader {
   public:
    // The bytes of the next block, good until the next call; nothing at the end; corrupt where it
    // does not check.
    Result<std::optional<std::string_view>> next_block();

   private:
    friend class SnapshotFile;
    std::unique_ptr<File> file_;
    std::string path_;
    std::uint64_t salt_ = 0;
    std::uint64_t offset_ = 0;
    std::uint64_t end_ = 0;
    std::string buffer_;
  };

  // Checks header and footer. corrupt, unsupported, or what the filesystem says; errors name the
  // file.
  static Result<SnapshotFile> open(Filesystem& filesystem, const std::string& path);

  const std::string& path() const { return path_; }
  SnapshotId id() const { return {end_.lsn, end_.term, salt_, size_}; }
  const Uuid& cluster_id() const { return cluster_id_; }
  const Position& end() const { return end_; }
  const std::vector<TermStart>& history() const { return history_; }
  const std::vector<SnapshotSection>& sections() const { return sections_; }
  Result<SectionReader> read(const SnapshotSection& section) const;
  // Reads and checks every block.
  Status verify() const;

 private:
  explicit SnapshotFile(Filesystem& filesystem) : filesystem_(&filesystem) {}

  Filesystem* filesystem_;
  std::string path_;
  Uuid cluster_id_{};
  std::uint64_t salt_ = 0;
  std::uint64_t size_ = 0;
  Position end_;
  std::vector<TermStart> history_;
  std::vector<SnapshotSection> sections_;
};

}  // namespace kimdb::wal
