#include "wal/inspect.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "wal/recovery.h"
#include "wal/segment_reader.h"
#include "wal/snapshot_file.h"

namespace kimdb::wal {
namespace {

Result<std::unique_ptr<DataDirectory>> open_existing(Filesystem& filesystem, Clock& clock,
                                                     Random& random, const std::string& directory) {
  auto exists = filesystem.exists(directory + "/META");
  if (!exists) return std::move(exists).error();
  if (!*exists)
    return Error{ErrorCode::not_found,
                 directory + " is no data directory of kimdb: it has no META"};
  return DataDirectory::open(filesystem, clock, random, directory);
}

SnapshotReport look_at(DataDirectory& directory, const SnapshotName& name, Position& position) {
  SnapshotReport report{.name = name, .path = directory.snapshot_path(name)};
  auto file = SnapshotFile::open(directory.filesystem(), report.path);
  if (!file) {
    report.error = std::move(file).error();
    return report;
  }
  for (const SnapshotSection& section : file->sections()) {
    report.items += section.items;
    report.bytes += section.size;
  }
  position = file->end();
  if (Status verified = file->verify(); !verified) report.error = std::move(verified).error();
  return report;
}

Result<CheckReport> check(DataDirectory& directory, const ProgressListener& progress) {
  CheckReport report;
  report.meta = directory.meta();
  auto names = directory.list_snapshots();
  if (!names) return std::move(names).error();
  for (const SnapshotName& name : *names) {
    Position position;
    report.snapshots.push_back(look_at(directory, name, position));
    if (!report.snapshots.back().error && report.start.lsn == 0) report.start = position;
  }
  auto scan = scan_log(directory, report.start, {}, progress);
  if (!scan) return std::move(scan).error();
  report.scan = std::move(*scan);
  return report;
}

std::string hex32(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

std::string escaped(std::string_view bytes, std::size_t limit) {
  std::string text;
  for (const char c : bytes.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      text += c;
    } else {
      char raw[8];
      std::snprintf(raw, sizeof raw, "\\x%02x", byte);
      text += raw;
    }
  }
  if (bytes.size() > limit) text += "…";
  return text;
}

std::string describe_frame(const SegmentReader::Frame& frame) {
  const FrameHeader& header = frame.header;
  std::string line = "  frame at " + std::to_string(frame.offset) + ": ";
  if (header.is_watermark()) {
    line += "watermark before LSN " + std::to_string(header.first_lsn);
  } else {
    line += "LSN " + std::to_string(header.first_lsn);
    if (header.count > 1) line += " to " + std::to_string(header.last_lsn());
    if (header.is_term()) line += ", begins the term";
  }
  return line + ", term " + std::to_string(header.term) + ", " +
         std::to_string(header.payload_size) + " bytes, time " +
         std::to_string(header.commit_time_ms) + ", durable " + std::to_string(header.durable_lsn) +
         ", chain " + hex32(header.chain);
}

Status dump_segment(DataDirectory& directory, const SegmentName& name, const DumpOptions& options,
                    const std::function<void(std::string_view line)>& print) {
  const std::string path = directory.segment_path(name);
  auto reader = SegmentReader::open(directory.filesystem(), path);
  if (!reader) return std::move(reader).error();
  print("segment " + path + ": number " + std::to_string(name.sequence) + ", from LSN " +
        std::to_string(name.first_lsn) + ", " + std::to_string(reader->file_size()) + " bytes");
  for (;;) {
    auto next = reader->next();
    if (!next) return std::move(next).error();
    if (!next->has_value()) break;
    const SegmentReader::Frame& frame = **next;
    if (frame.header.first_lsn > options.through) return {};
    if (!frame.header.is_watermark() && frame.header.last_lsn() < options.from) continue;
    print(describe_frame(frame));
    std::string_view rest = frame.payload;
    for (std::uint32_t i = 0; i < frame.header.count && !frame.header.is_term(); ++i) {
      const auto record = take_record(rest);
      if (!record) break;
      const Lsn lsn = frame.header.first_lsn + i;
      if (lsn < options.from || lsn > options.through) continue;
      print("    " + std::to_string(lsn) + ": " + std::to_string(record->size()) +
            " bytes: " + escaped(*record, options.record_bytes_max));
    }
  }
  auto end = reader->end_of_data(reader->offset());
  if (!end) return std::move(end).error();
  if (*end > reader->offset()) {
    print("  at " + std::to_string(reader->offset()) +
          ": no frame checks here, and not all of the rest is zero");
  }
  return {};
}

// What is left of the log when it ends before `truncate_at`.
Result<LogScan> scan_up_to(DataDirectory& directory, Lsn truncate_at, LogScan scan) {
  std::erase_if(scan.segments, [&](const ScannedSegment& segment) {
    if (segment.name.first_lsn < truncate_at) return false;
    scan.later_segments.push_back(segment.name);
    return true;
  });
  // Whatever else is there and was not reached.
  auto names = directory.list_segments();
  if (!names) return std::move(names).error();
  const std::uint64_t last = scan.segments.empty() ? 0 : scan.segments.back().name.sequence;
  scan.later_segments.clear();
  for (const SegmentName& name : *names) {
    if (name.sequence > last) scan.later_segments.push_back(name);
  }
  if (scan.segments.empty()) return scan;
  ScannedSegment& segment = scan.segments.back();
  auto reader = SegmentReader::open(directory.filesystem(), segment.path);
  if (!reader) return std::move(reader).error();
  const SegmentHeader& header = reader->header();
  const std::uint64_t good_end = segment.end;
  segment.end = kSegmentHeaderBytes;
  segment.last_lsn = header.first_lsn - 1;
  scan.end = {segment.last_lsn, header.term, header.chain, header.commit_time_ms};
  while (reader->offset() < good_end) {
    auto next = reader->next();
    if (!next) return std::move(next).error();
    if (!next->has_value()) break;
    const FrameHeader& frame = (*next)->header;
    if (!frame.is_watermark()) {
      if (frame.last_lsn() >= truncate_at) break;
      scan.end = {frame.last_lsn(), frame.term, frame.chain, frame.commit_time_ms};
      segment.last_lsn = frame.last_lsn();
    } else if (frame.durable_lsn > scan.end.lsn) {
      break;
    }
    segment.end = reader->offset();
  }
  auto end = reader->end_of_data(segment.end);
  if (!end) return std::move(end).error();
  scan.torn_end = *end;
  return scan;
}

}  // namespace

Result<CheckReport> check(Filesystem& filesystem, Clock& clock, Random& random,
                          const std::string& directory) {
  auto opened = open_existing(filesystem, clock, random, directory);
  if (!opened) return std::move(opened).error();
  return check(**opened, {});
}

std::vector<std::string> describe(const CheckReport& report) {
  std::vector<std::string> lines;
  const Meta& meta = report.meta;
  lines.push_back("cluster " + to_string(meta.cluster_id) + ", node " + to_string(meta.node_id) +
                  ", term " + std::to_string(meta.term) + ", stopped " +
                  (meta.clean ? "cleanly" : "without a clean stop, or running"));
  for (const SnapshotReport& snapshot : report.snapshots) {
    lines.push_back("snapshot " + snapshot.path + ": " +
                    (snapshot.error ? "DAMAGED: " + snapshot.error->message
                                    : std::to_string(snapshot.items) + " items, " +
                                          std::to_string(snapshot.bytes) + " bytes"));
  }
  const LogScan& scan = report.scan;
  for (const ScannedSegment& segment : scan.segments) {
    lines.push_back("segment " + segment.path + ": LSN " + std::to_string(segment.name.first_lsn) +
                    " to " + std::to_string(segment.last_lsn));
  }
  lines.push_back("log: " + std::to_string(scan.records) + " records in " +
                  std::to_string(scan.bytes) + " bytes, up to LSN " + std::to_string(scan.end.lsn) +
                  ", known to be synced up to " + std::to_string(scan.known_durable));
  if (scan.damage) {
    lines.push_back("DAMAGE at " + scan.damage->path + ", offset " +
                    std::to_string(scan.damage->offset) + ", LSN " +
                    std::to_string(scan.damage->lsn) + ": " + scan.damage->what);
  } else if (scan.torn) {
    lines.push_back("torn tail behind LSN " + std::to_string(scan.end.lsn) +
                    ": never acknowledged as synced; the next start copies it away and cuts it");
  } else {
    lines.push_back("good");
  }
  return lines;
}

Status dump(Filesystem& filesystem, Clock& clock, Random& random, const std::string& directory,
            const DumpOptions& options, const std::function<void(std::string_view line)>& print) {
  auto opened = open_existing(filesystem, clock, random, directory);
  if (!opened) return std::move(opened).error();
  auto names = (*opened)->list_segments();
  if (!names) return std::move(names).error();
  for (std::size_t i = 0; i < names->size(); ++i) {
    if ((*names)[i].first_lsn > options.through) break;
    if (i + 1 < names->size() && (*names)[i + 1].first_lsn <= options.from) continue;
    if (Status status = dump_segment(**opened, (*names)[i], options, print); !status) {
      if (status.error().code != ErrorCode::corrupt) return status;
      print(status.error().message);
    }
  }
  return {};
}

Result<std::vector<std::string>> repair(Filesystem& filesystem, Clock& clock, Random& random,
                                        const std::string& directory,
                                        const RepairOptions& options) {
  if (!options.accept_data_loss || options.truncate_at == 0) {
    return Error{ErrorCode::invalid_argument,
                 "repair gives up everything from an LSN on: say which, --truncate-at, and "
                 "--accept-data-loss"};
  }
  auto opened = open_existing(filesystem, clock, random, directory);
  if (!opened) return std::move(opened).error();
  DataDirectory& data = **opened;
  auto names = data.list_snapshots();
  if (!names) return std::move(names).error();
  // A snapshot behind the new end holds what shall go.
  std::vector<SnapshotName> superfluous;
  Position start;
  for (const SnapshotName& name : *names) {
    Position position;
    const SnapshotReport report = look_at(data, name, position);
    if (name.lsn >= options.truncate_at) {
      superfluous.push_back(name);
    } else if (!report.error && start.lsn == 0) {
      start = position;
    }
  }
  auto scan = scan_log(data, start, {}, {});
  if (!scan) return std::move(scan).error();
  auto cut = scan_up_to(data, options.truncate_at, std::move(*scan));
  if (!cut) return std::move(cut).error();
  if (cut->end.lsn < start.lsn) {
    return Error{ErrorCode::invalid_argument,
                 "the log in " + directory + " ends at LSN " + std::to_string(cut->end.lsn) +
                     ", before the snapshot at " + std::to_string(start.lsn)};
  }
  std::vector<std::string> done;
  std::vector<std::string> copies;
  KIMDB_RETURN_IF_ERROR(cut_log(data, *cut, copies));
  for (const SnapshotName& name : superfluous) {
    const std::string path = data.snapshot_path(name);
    KIMDB_RETURN_IF_ERROR(filesystem.rename(path, path + ".broken"));
    copies.push_back(path + ".broken");
  }
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(data.snapshot_directory()));
  done.push_back("the log now ends at LSN " + std::to_string(cut->end.lsn));
  for (const std::string& copy : copies) done.push_back("what was cut is in " + copy);
  return done;
}

}  // namespace kimdb::wal
