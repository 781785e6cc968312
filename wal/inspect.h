// Looking at a log, and repairing it, without a server: what `kimdb-cli wal check | dump | repair`
// call.
//
// They take the directory's lock, so a running server refuses them. check and dump change nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/filesystem.h"
#include "base/random.h"
#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/scan.h"

namespace kimdb::wal {

struct SnapshotReport {
  SnapshotName name;
  std::string path;
  std::uint64_t bytes = 0;
  std::uint64_t items = 0;
  std::optional<Error> error;
};

struct CheckReport {
  Meta meta;
  std::vector<SnapshotReport> snapshots;  // newest first
  Position start;  // of the newest good snapshot: the log was read from there
  LogScan scan;

  // Can a server start, and have all that was acknowledged?
  bool good() const { return !scan.damage; }
};
// A report for people, a line each.
std::vector<std::string> describe(const CheckReport& report);

// not_found where there is no data directory; nothing is made.
Result<CheckReport> check(Filesystem& filesystem, Clock& clock, Random& random,
                          const std::string& directory);

struct DumpOptions {
  Lsn from = 0;
  Lsn through = ~Lsn{0};
  std::size_t record_bytes_max = 64;  // of a record, shown escaped
};
// A line for each segment, frame and record; ends at the first frame that does not check, and says
// so.
Status dump(Filesystem& filesystem, Clock& clock, Random& random, const std::string& directory,
            const DumpOptions& options, const std::function<void(std::string_view line)>& print);

struct RepairOptions {
  Lsn truncate_at = 0;  // the first LSN that goes, with everything behind it
  bool accept_data_loss = false;
};
// Cuts the log so that it ends before `truncate_at`, or at the last good frame before that: a frame
// is never split. What is cut is copied to *.broken first; snapshots behind the new end are renamed
// so, too. Gives lines that say what was done. invalid_argument where data loss was not accepted or
// the log would not end there.
Result<std::vector<std::string>> repair(Filesystem& filesystem, Clock& clock, Random& random,
                                        const std::string& directory, const RepairOptions& options);

}  // namespace kimdb::wal
