#include "wal/inspect.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>

#include "base/units.h"
#include "wal/cut.h"
#include "wal/incoming.h"
#include "wal/recovery.h"
#include "wal/segment_reader.h"
#include "wal/snapshot_file.h"

namespace kimdb::wal {
namespace {

constexpr std::size_t kRecordBytesShown = 64;
constexpr std::size_t kMalformedShown = 10;

Error refusal(std::string why) { return {ErrorCode::invalid_argument, std::move(why)}; }

Result<std::unique_ptr<DataDirectory>> open_existing(Filesystem& filesystem, Clock& clock,
                                                     Random& random, const std::string& directory) {
  // Opening would make a directory that is not there.
  auto exists = filesystem.exists(directory + "/META");
  if (!exists) return std::move(exists).error();
  if (!*exists)
    return Error{ErrorCode::not_found,
                 directory + " is no data directory of kimdb: it has no META"};
  auto opened = DataDirectory::open(filesystem, clock, random, directory);
  if (!opened) return opened;
  const auto accepted = has_accepted(**opened);
  if (!accepted) return accepted.error();
  if (*accepted)
    return Error{ErrorCode::unavailable,
                 directory +
                     ": a copy of its master's data was being put in place; start the "
                     "server once, it finishes that"};
  return opened;
}

// As at a start, only what is corrupt is damaged; an Error is what could not be read.
Result<SnapshotReport> check_snapshot(DataDirectory& directory, const SnapshotName& name) {
  SnapshotReport report{.name = name, .path = directory.snapshot_path(name)};
  auto file = SnapshotFile::open(directory.filesystem(), report.path);
  Status status = file ? file->verify() : Status(file.error());
  if (!status) {
    if (status.error().code != ErrorCode::corrupt) return std::move(status).error();
    report.damage = std::move(status).error();
    return report;
  }
  report.end = file->end();
  for (const SnapshotSection& section : file->sections()) {
    report.items += section.items;
    report.bytes += section.size;
  }
  return report;
}

// The newest sound one of a state before `lsn`.
Position newest_before(const std::vector<SnapshotReport>& snapshots, Lsn lsn) {
  for (const SnapshotReport& snapshot : snapshots) {
    if (!snapshot.damage && snapshot.name.lsn < lsn) return snapshot.end;
  }
  return {};
}

Result<CheckReport> check(DataDirectory& directory, const RecordCheck& check_record) {
  CheckReport report{.directory = directory.path(), .meta = directory.meta()};
  auto names = directory.list_snapshots();
  if (!names) return std::move(names).error();
  for (const SnapshotName& name : *names) {
    auto snapshot = check_snapshot(directory, name);
    if (!snapshot) return std::move(snapshot).error();
    report.snapshots.push_back(std::move(*snapshot));
  }
  report.start = newest_before(report.snapshots, ~Lsn{0});
  const auto visit = [&](std::span<const RecordView> records) -> Status {
    for (const RecordView& record : records) {
      const Status status = check_record ? check_record(record.bytes) : Status();
      if (status || ++report.malformed_records > kMalformedShown) continue;
      report.malformed.push_back("record at LSN " + std::to_string(record.lsn) + ": " +
                                 status.error().message);
    }
    return {};
  };
  auto scan = scan_log(directory, report.start, visit, {});
  if (!scan) return std::move(scan).error();
  report.scan = std::move(*scan);
  return report;
}

bool snapshots_are_sound(const CheckReport& report) {
  return std::none_of(report.snapshots.begin(), report.snapshots.end(),
                      [](const SnapshotReport& snapshot) { return snapshot.damage.has_value(); });
}

std::string describe_snapshot(const SnapshotReport& snapshot) {
  const std::string begin = "snapshot " + snapshot.path + ": ";
  if (snapshot.damage) return begin + "DAMAGED: " + snapshot.damage->message;
  return begin + "sound, at LSN " + std::to_string(snapshot.end.lsn) + ", " +
         std::to_string(snapshot.items) + " items, " + format_size(snapshot.bytes);
}

void describe_damage(const CheckReport& report, std::vector<std::string>& lines) {
  const Damage& damage = *report.scan.damage;
  const std::string lsn = std::to_string(damage.lsn);
  lines.push_back("DAMAGED: " + to_string(damage));
  lines.push_back("What begins at LSN " + lsn + " is lost, although it was synced once.");
  if (report.start.lsn >= damage.lsn) {
    lines.push_back("The snapshot at LSN " + std::to_string(report.start.lsn) +
                    " lies behind that: a repair sets it aside, too.");
  }
  lines.push_back("Restore the file or a backup; or give up what is behind with:");
  lines.push_back("  " + repair_command(report.directory, damage.lsn));
}

// Where a dump begins to read: before the segment that holds `from`, at the latest. Needs no
// snapshot: a segment's header says what it builds on.
Result<Position> position_before(DataDirectory& directory, Lsn from) {
  auto names = directory.list_segments();
  if (!names) return std::move(names).error();
  if (names->empty()) {
    auto report = check(directory, {});
    if (!report) return std::move(report).error();
    return report->start;
  }
  SegmentName segment = names->front();
  for (const SegmentName& name : *names) {
    if (name.first_lsn <= from) segment = name;
  }
  auto reader = SegmentReader::open(directory.filesystem(), directory.segment_path(segment));
  if (!reader) {
    if (reader.error().code != ErrorCode::corrupt) return std::move(reader).error();
    return Position{.lsn = segment.first_lsn - 1};  // the scan finds the damage again
  }
  const SegmentHeader& header = reader->header();
  return Position{header.first_lsn - 1, header.term, header.chain, header.commit_time_ms};
}

void print_record(const RecordView& record, const DumpOptions& options,
                  const std::function<void(std::string_view line)>& print) {
  const std::string begin =
      std::to_string(record.lsn) + " " + std::to_string(record.commit_time_ms) + " ";
  const std::string text = options.describe(record.bytes);
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    print(begin + text.substr(at, end - at));
  print(begin + text.substr(at));
}

// The log as it shall be after the repair of `report`'s damage, which begins at `lsn`.
Result<LogScan> plan_cut(DataDirectory& directory, CheckReport& report, Lsn lsn) {
  const Position start = newest_before(report.snapshots, lsn);
  if (start != report.start) {
    // The newest one goes, too: the log must hold what is between an older one and the cut.
    auto scan = scan_log(directory, start, {}, {});
    if (!scan) return std::move(scan).error();
    if (scan->damage && scan->damage->lsn < lsn) {
      return refusal("the log cannot be taken back behind the snapshot at LSN " +
                     std::to_string(report.start.lsn) + ", since it is damaged before, too: " +
                     to_string(*scan->damage) + "; restore a backup");
    }
    report.scan = std::move(*scan);
  }
  return end_before(directory, start, lsn, std::move(report.scan));
}

}  // namespace

bool CheckReport::sound() const {
  return !scan.damage && malformed_records == 0 && snapshots_are_sound(*this);
}

Result<CheckReport> check(Filesystem& filesystem, Clock& clock, Random& random,
                          const std::string& directory, const RecordCheck& check_record) {
  auto opened = open_existing(filesystem, clock, random, directory);
  if (!opened) return std::move(opened).error();
  return check(**opened, check_record);
}

std::vector<std::string> describe(const CheckReport& report) {
  const Meta& meta = report.meta;
  const LogScan& scan = report.scan;
  std::vector<std::string> lines;
  lines.push_back("cluster " + to_string(meta.cluster_id) + ", node " + to_string(meta.node_id) +
                  ", term " + std::to_string(meta.term) + ", stopped " +
                  (meta.clean ? "cleanly" : "without a clean end"));
  for (const SnapshotReport& snapshot : report.snapshots)
    lines.push_back(describe_snapshot(snapshot));
  lines.push_back("log: " + std::to_string(scan.segments.size()) + " segments, " +
                  std::to_string(scan.records) + " records, " + format_size(scan.bytes) +
                  ", sound up to LSN " + std::to_string(scan.end.lsn) +
                  ", known to be synced up to " + std::to_string(scan.known_durable));
  lines.insert(lines.end(), report.malformed.begin(), report.malformed.end());
  if (report.malformed_records > report.malformed.size()) {
    lines.push_back("and " + std::to_string(report.malformed_records - report.malformed.size()) +
                    " records more that cannot be read");
  }
  if (scan.damage) {
    describe_damage(report, lines);
    return lines;
  }
  if (scan.torn) {
    lines.push_back(
        "Behind it lies a torn tail that was never acknowledged as synced; the next start keeps a "
        "copy and cuts it.");
  }
  lines.push_back(report.sound() ? "sound" : "DAMAGED: see above");
  return lines;
}

std::string escape_record(std::string_view record) {
  std::string text;
  for (const char c : record.substr(0, kRecordBytesShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      text += c;
    } else {
      char raw[8];
      std::snprintf(raw, sizeof raw, "\\x%02x", byte);
      text += raw;
    }
  }
  if (record.size() > kRecordBytesShown) text += "… (" + std::to_string(record.size()) + " bytes)";
  return text;
}

Result<DumpReport> dump(Filesystem& filesystem, Clock& clock, Random& random,
                        const std::string& directory, const DumpOptions& options,
                        const std::function<void(std::string_view line)>& print) {
  auto opened = open_existing(filesystem, clock, random, directory);
  if (!opened) return std::move(opened).error();
  auto start = position_before(**opened, options.from);
  if (!start) return std::move(start).error();
  DumpReport report{.log_begins = start->lsn + 1};
  std::uint64_t printed = 0;
  bool finished = false;
  const auto visit = [&](std::span<const RecordView> records) -> Status {
    for (const RecordView& record : records) {
      if (record.lsn < options.from) continue;
      print_record(record, options, print);
      finished = ++printed == options.limit;
      if (finished) return Error{ErrorCode::unavailable, "the limit is reached"};
    }
    return {};
  };
  auto scan = scan_log(**opened, *start, visit, {});
  if (finished) return report;
  if (!scan) return std::move(scan).error();
  report.damage = std::move(scan->damage);
  return report;
}

Result<std::vector<std::string>> repair(Filesystem& filesystem, Clock& clock, Random& random,
                                        const std::string& directory,
                                        const RepairOptions& options) {
  if (!options.accept_data_loss)
    return refusal("a repair removes records for good: say --accept-data-loss to do it");
  auto opened = open_existing(filesystem, clock, random, directory);
  if (!opened) return std::move(opened).error();
  DataDirectory& data = **opened;
  auto report = check(data, {});
  if (!report) return std::move(report).error();
  const auto& damage = report->scan.damage;
  if (!damage) {
    return refusal("the log is sound up to LSN " + std::to_string(report->scan.end.lsn) +
                   ": there is nothing to repair");
  }
  if (damage->lsn != options.truncate_at) {
    return refusal("the damage begins at LSN " + std::to_string(damage->lsn) + ", not " +
                   std::to_string(options.truncate_at) +
                   "; to cut there: " + repair_command(directory, damage->lsn));
  }
  auto cut = plan_cut(data, *report, options.truncate_at);
  if (!cut) return std::move(cut).error();

  std::vector<std::string> copies;
  KIMDB_RETURN_IF_ERROR(cut_log(data, *cut, copies));
  for (const SnapshotReport& snapshot : report->snapshots) {
    if (snapshot.name.lsn < options.truncate_at) continue;
    auto copy = set_aside(filesystem, snapshot.path);
    if (!copy) return std::move(copy).error();
    copies.push_back(std::move(*copy));
  }
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(data.snapshot_directory()));
  std::vector<std::string> done{"the log now ends at LSN " + std::to_string(cut->end.lsn)};
  for (const std::string& copy : copies) done.push_back("what was there is kept in " + copy);
  return done;
}

}  // namespace kimdb::wal
