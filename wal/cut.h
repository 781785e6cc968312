// Takes the end of a log away: a torn or damaged tail, or what a slave has and its master has not.
// What goes is kept in copies beside it, *.broken.
//
// The log is not being written. An error in between leaves a log that the next start can read or
// refuses as damaged; nothing is lost by it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/scan.h"

namespace kimdb::wal {

// Renames the file to a free name *.broken and gives that; the directory is the caller's to sync.
Result<std::string> set_aside(Filesystem& filesystem, const std::string& path);

// Takes the log back to its first `end.lsn` LSNs: everything behind `segments.back().end` goes,
// after a copy as *.broken. `scan` is that of this directory; what it calls torn need not be. For
// recovery and repair.
Status cut_log(DataDirectory& directory, const LogScan& scan, std::vector<std::string>& copies);

// Writes the segment anew, up to its `end`, with a new salt; synced and in place when it returns.
Status rewrite_segment(DataDirectory& directory, const ScannedSegment& segment);

// What is left of `scan`, begun at `start`, when the log ends before `lsn`, or at the last frame
// before it: a frame is never split. All else is there to be cut.
Result<LogScan> end_before(DataDirectory& directory, const Position& start, Lsn lsn, LogScan scan);

// The number of the next segment: behind those that are there and those that META has seen.
Result<std::uint64_t> next_sequence(const DataDirectory& directory);

// Cuts a sound log behind `lsn`, where a frame ends, and forgets the terms that begin behind it;
// gives the position there.
Result<Position> cut_log_behind(DataDirectory& directory, Lsn lsn,
                                std::vector<std::string>& copies);

}  // namespace kimdb::wal
