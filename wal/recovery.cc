#include "wal/recovery.h"

#include <algorithm>
#include <utility>

#include "wal/cut.h"

namespace kimdb::wal {
namespace {

Error to_error(const Damage& damage, const std::string& directory) {
  return Error{ErrorCode::corrupt,
               "the log is damaged at " + to_string(damage) +
                   ". Restore the file or a backup; or give up what is behind with: " +
                   repair_command(directory, damage.lsn)};
}

Status remove_leftovers(DataDirectory& directory) {
  Filesystem& filesystem = directory.filesystem();
  auto names = filesystem.list(directory.log_directory());
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    if (name.ends_with(".tmp"))
      KIMDB_RETURN_IF_ERROR(filesystem.remove(directory.log_directory() + "/" + name));
  }
  return {};
}

// The terms that META knows and the log confirms.
std::vector<TermStart> history_of(const Meta& meta, const LogScan& scan, const Position& after) {
  std::vector<TermStart> history;
  for (const TermStart& start : meta.history) {
    if (start.first_lsn <= scan.end.lsn && start.term <= scan.end.term) history.push_back(start);
  }
  for (const TermStart& start : scan.terms) {
    if (std::find(history.begin(), history.end(), start) == history.end()) history.push_back(start);
  }
  if (history.empty() && after.term != 0) history.push_back({after.term, after.lsn});
  std::sort(history.begin(), history.end(),
            [](const TermStart& a, const TermStart& b) { return a.term < b.term; });
  return history;
}

}  // namespace

Result<Recovered> recover(DataDirectory& directory, const Position& after,
                          const RecordVisitor& visit, const ProgressListener& progress) {
  KIMDB_RETURN_IF_ERROR(remove_leftovers(directory));
  auto scanned = scan_log(directory, after, visit, progress);
  if (!scanned) return std::move(scanned).error();
  LogScan& scan = *scanned;
  if (scan.damage) return to_error(*scan.damage, directory.path());

  Recovered recovered;
  if (scan.torn) {
    std::vector<std::string> copies;
    KIMDB_RETURN_IF_ERROR(cut_log(directory, scan, copies));
    for (const std::string& copy : copies) {
      recovered.warnings.push_back("the log ended in a torn tail behind LSN " +
                                   std::to_string(scan.end.lsn) +
                                   ", never acknowledged as synced; it was cut, a copy is " + copy);
    }
  }
  // What is known to be synced needs no copy; a torn segment was written anew by the cut.
  const Meta meta = directory.meta();
  const bool clean = meta.clean && meta.durable_lsn == scan.end.lsn;
  for (std::size_t i = 0; i < scan.segments.size(); ++i) {
    const ScannedSegment& segment = scan.segments[i];
    const bool was_cut = scan.torn && i + 1 == scan.segments.size();
    if (clean || was_cut || segment.last_lsn <= scan.known_durable) continue;
    KIMDB_RETURN_IF_ERROR(rewrite_segment(directory, segment));
  }
  recovered.end = scan.end;
  recovered.committed_lsn = scan.committed_lsn;
  const auto sequence = next_sequence(directory);
  if (!sequence) return sequence.error();
  recovered.next_sequence = *sequence;
  recovered.history = history_of(meta, scan, after);
  recovered.records = scan.records;
  recovered.bytes = scan.bytes;
  return recovered;
}

std::string to_string(const Damage& damage) {
  return damage.path + ", offset " + std::to_string(damage.offset) + ", LSN " +
         std::to_string(damage.lsn) + ": " + damage.what;
}

std::string repair_command(const std::string& directory, Lsn lsn) {
  return "kimdb-cli wal repair " + directory + " --truncate-at " + std::to_string(lsn) +
         " --accept-data-loss";
}

}  // namespace kimdb::wal
