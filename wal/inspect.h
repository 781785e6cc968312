// Looking at a log, and repairing it, without a server: what `kimdb-cli wal check | dump | repair`
// call and print. Main thread.
//
// They take the directory's lock, so a running server is never read from under its hands: they are
// refused (unavailable). Where there is no data directory the error is not_found, and nothing is
// made. Only repair changes what is stored. What the bytes of a record mean is the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
  Position end;  // of the state it holds
  std::uint64_t bytes = 0;
  std::uint64_t items = 0;
  std::optional<Error> damage;
};

struct CheckReport {
  std::string directory;
  Meta meta;
  std::vector<SnapshotReport> snapshots;  // newest first
  Position start;  // of the newest sound snapshot: the log is read from there
  LogScan scan;
  std::uint64_t malformed_records = 0;  // their checksums are right, the caller cannot read them
  std::vector<std::string> malformed;   // the first of them, a line each

  // A torn tail is sound: the next start cuts it, and nobody was told that it is safe.
  bool sound() const;
};

// An error where the bytes are no record.
using RecordCheck = std::function<Status(std::string_view record)>;

// Reads every block of every snapshot, and all of the log that a start would read. Damage is in the
// report; an Error says that something could not be read at all.
Result<CheckReport> check(Filesystem& filesystem, Clock& clock, Random& random,
                          const std::string& directory, const RecordCheck& check_record = {});

// The report for people, a line each; the last one is "sound" where it is. Damage of the log is
// followed by the command that repairs it.
std::vector<std::string> describe(const CheckReport& report);

// Printable ASCII as it is, the rest as \x0a; long records are cut ("… (5000 bytes)").
std::string escape_record(std::string_view record);

struct DumpOptions {
  Lsn from = 1;             // the first to print
  std::uint64_t limit = 0;  // records at most; 0: all
  // A record for people; one line, or several with line breaks between them.
  std::function<std::string(std::string_view record)> describe = escape_record;
};

struct DumpReport {
  Lsn log_begins = 1;            // behind DumpOptions::from: what is before is in a snapshot only
  std::optional<Damage> damage;  // all before it was printed
};

// Prints the records in LSN order, "<lsn> <commit time, Unix ms> " before each line of them. Reads
// from the segment that holds options.from: what is damaged before it does not matter.
Result<DumpReport> dump(Filesystem& filesystem, Clock& clock, Random& random,
                        const std::string& directory, const DumpOptions& options,
                        const std::function<void(std::string_view line)>& print);

struct RepairOptions {
  Lsn truncate_at = 0;  // the first LSN that goes, with everything behind it
  bool accept_data_loss = false;
};

// Cuts a damaged log where check says that it is damaged. What is cut is copied to *.broken first;
// snapshots of a state behind the new end are renamed so, too. Gives lines that say what was done.
// invalid_argument, and nothing is changed, where data loss was not accepted, where the log is
// sound, or where the damage begins at another LSN: a mistyped number must not throw away what is
// sound.
Result<std::vector<std::string>> repair(Filesystem& filesystem, Clock& clock, Random& random,
                                        const std::string& directory, const RepairOptions& options);

}  // namespace kimdb::wal
