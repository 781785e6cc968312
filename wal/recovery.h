// Brings the log of a data directory into a state that can be continued: read it, cut a torn tail,
// make sure of the rest.
//
// At the first frame that does not check, with LSN L expected, let D be the highest LSN that is
// known to have been synced: from META, the snapshot, and every frame header anywhere behind it.
//   D >= L: damage. Refused; nothing is changed.
//   D <  L: a torn tail. Copied to *.broken and cut. Nothing in it was acknowledged as synced.
//
// After an unclean stop the page cache may show what the disk does not hold (a process killed
// between write and sync, or after a failed sync, whose pages the kernel keeps but will never write
// again). So every segment with LSNs above D is written anew: a copy with a new salt is synced and
// takes the old one's name.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/scan.h"

namespace kimdb::wal {

struct Recovered {
  Position end;           // all of it is on stable storage
  Lsn committed_lsn = 0;  // the highest that a frame carried
  std::uint64_t next_sequence = 1;
  std::vector<TermStart> history;
  std::vector<std::string> warnings;  // for the server's log
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;

  Lsn last_lsn() const { return end.lsn; }
  Lsn durable_lsn() const { return end.lsn; }
  std::int64_t last_commit_time_ms() const { return end.commit_time_ms; }
};

// `after`: the position of the snapshot that was loaded, {} where there is none. Every record
// behind it is visited in LSN order before recover returns; what is visited may still be refused as
// part of a damaged log. corrupt says file, offset, LSN and the command that repairs.
Result<Recovered> recover(DataDirectory& directory, const Position& after,
                          const RecordVisitor& visit, const ProgressListener& progress = {});

std::string to_string(const Damage& damage);  // where it is and what, for people
// What gives up the log of `directory` from its damaged LSN on.
std::string repair_command(const std::string& directory, Lsn lsn);

}  // namespace kimdb::wal
