// Reads the whole log in LSN order and says what it found: how far it checks, and what lies behind.
// Changes nothing.
//
// Recovery decides by it what to do, `kimdb-cli wal check` shows it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/format.h"

namespace kimdb::wal {

struct RecordView {
  Lsn lsn = 0;
  std::int64_t commit_time_ms = 0;  // of its frame
  Lsn committed_lsn = 0;            // of its frame: committed when that was made
  std::string_view bytes;           // good during the visit
};

// Gets the records of one frame in LSN order. Records of the log itself (terms) are not among them,
// so LSNs may jump. An error ends the reading and is passed on.
using RecordVisitor = std::function<Status(std::span<const RecordView>)>;

struct RecoverProgress {
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t records = 0;
};
using ProgressListener = std::function<void(const RecoverProgress&)>;

struct ScannedSegment {
  SegmentName name;
  std::string path;
  SegmentHeader header;
  std::uint64_t end = 0;  // offset behind its last frame that checks
  Lsn last_lsn = 0;       // of that frame
};

// What does not check, where the log says that it was there once.
struct Damage {
  std::string path;          // of the file; of the segment before it where one is missing
  std::uint64_t offset = 0;  // in it
  Lsn lsn = 0;               // the first that is lost
  std::string what;
};

struct LogScan {
  Position end;           // of the last frame that checks
  Lsn known_durable = 0;  // the highest LSN that META, the snapshot or a frame knew to be synced
  Lsn committed_lsn = 0;  // the highest that a frame carried
  std::vector<ScannedSegment> segments;  // read, in order
  std::vector<TermStart> terms;          // that begin in what was read
  std::optional<Damage> damage;
  // Bytes behind `end` that are not zero, or later segments, although nothing there was ever known
  // to be synced.
  bool torn = false;
  std::uint64_t torn_end = 0;               // end of these bytes in the last of `segments`
  std::vector<SegmentName> later_segments;  // behind the last of `segments`
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

// Reads from behind `after`, the position of a snapshot ({}: from the beginning), and visits every
// record behind it. What is wrong with the log is in the result; an Error is one of the filesystem,
// of the visitor, or unsupported.
Result<LogScan> scan_log(DataDirectory& directory, const Position& after,
                         const RecordVisitor& visit, const ProgressListener& progress);

}  // namespace kimdb::wal
