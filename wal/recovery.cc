#include "wal/recovery.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wal/segment_reader.h"

namespace kimdb::wal {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;

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

// A free name, so that an earlier copy is never lost.
Result<std::string> broken_name(Filesystem& filesystem, const std::string& path) {
  std::string name = path + ".broken";
  for (int i = 2;; ++i) {
    auto exists = filesystem.exists(name);
    if (!exists) return std::move(exists).error();
    if (!*exists) return name;
    name = path + "." + std::to_string(i) + ".broken";
  }
}

// [from, end) of `path` into a new synced file beside it.
Result<std::string> copy_tail(Filesystem& filesystem, const std::string& path, std::uint64_t from,
                              std::uint64_t end) {
  auto name = broken_name(filesystem, path);
  if (!name) return name;
  auto in = filesystem.open(path, Filesystem::OpenMode::read);
  if (!in) return std::move(in).error();
  auto out = filesystem.open(*name, Filesystem::OpenMode::create);
  if (!out) return std::move(out).error();
  std::string buffer(kCopyBytes, '\0');
  for (std::uint64_t at = from; at < end;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - at));
    auto read = (*in)->read_at(at, buffer.data(), size);
    if (!read) return std::move(read).error();
    if (*read == 0) break;
    KIMDB_RETURN_IF_ERROR(write_all(**out, at - from, std::string_view(buffer).substr(0, *read)));
    at += *read;
  }
  KIMDB_RETURN_IF_ERROR((*out)->sync());
  return name;
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
  auto names = directory.list_segments();
  if (!names) return std::move(names).error();
  // A number is never used again, even where a cut has removed its segment.
  recovered.next_sequence =
      std::max(names->empty() ? 0 : names->back().sequence, directory.meta().last_sequence) + 1;
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

Result<std::string> set_aside(Filesystem& filesystem, const std::string& path) {
  auto name = broken_name(filesystem, path);
  if (name) KIMDB_RETURN_IF_ERROR(filesystem.rename(path, *name));
  return name;
}

// The order matters: as long as a mark says that more was synced, a shorter log is damage; and
// later segments go from the last one on, each for good before the next, so that a crash in between
// never leaves a hole.
Status cut_log(DataDirectory& directory, const LogScan& scan, std::vector<std::string>& copies) {
  Filesystem& filesystem = directory.filesystem();
  const std::uint64_t last_sequence =
      scan.segments.empty() ? 0 : scan.segments.back().name.sequence;
  KIMDB_RETURN_IF_ERROR(directory.update_meta([&](Meta& meta) {
    meta.clean = false;
    meta.durable_lsn = std::min(meta.durable_lsn, scan.end.lsn);
    meta.checkpoint_lsn = std::min(meta.checkpoint_lsn, scan.end.lsn);
    meta.last_sequence = std::min(meta.last_sequence, last_sequence);
  }));
  if (!scan.segments.empty() && scan.torn_end > scan.segments.back().end) {
    const ScannedSegment& last = scan.segments.back();
    auto copy = copy_tail(filesystem, last.path, last.end, scan.torn_end);
    if (!copy) return std::move(copy).error();
    copies.push_back(*copy);
    KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory.log_directory()));
  }
  for (auto name = scan.later_segments.rbegin(); name != scan.later_segments.rend(); ++name) {
    auto copy = set_aside(filesystem, directory.segment_path(*name));
    if (!copy) return std::move(copy).error();
    KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory.log_directory()));
    copies.push_back(*copy);
  }
  if (!scan.segments.empty())
    KIMDB_RETURN_IF_ERROR(rewrite_segment(directory, scan.segments.back()));
  return {};
}

Status rewrite_segment(DataDirectory& directory, const ScannedSegment& segment) {
  Filesystem& filesystem = directory.filesystem();
  auto reader = SegmentReader::open(filesystem, segment.path);
  if (!reader) return std::move(reader).error();
  const std::string temporary = segment.path + ".tmp";
  KIMDB_RETURN_IF_ERROR(remove_if_exists(filesystem, temporary));
  auto out = filesystem.open(temporary, Filesystem::OpenMode::create);
  if (!out) return std::move(out).error();
  SegmentHeader header = segment.header;
  header.salt = directory.random();
  KIMDB_RETURN_IF_ERROR(write_all(**out, 0, encode_segment_header(header)));
  // Offsets stay: only the salt changes, and with it the seeded CRCs.
  std::uint32_t chain = header.chain;
  while (reader->offset() < segment.end) {
    auto next = reader->next();
    if (!next) return std::move(next).error();
    if (!next->has_value()) {
      return Error{ErrorCode::io_error, segment.path + " changed while it was read, at offset " +
                                            std::to_string(reader->offset())};
    }
    SegmentReader::Frame& frame = **next;
    const std::uint32_t chain_was = frame.header.chain;
    std::string bytes(static_cast<std::size_t>(frame_size(frame.payload.size())), '\0');
    frame.payload.copy(bytes.data() + kFrameHeaderBytes, frame.payload.size());
    seal_frame(frame.header, frame.payload, chain, {.salt = header.salt, .offset = frame.offset},
               bytes.data());
    if (frame.header.chain != chain_was) {
      return Error{ErrorCode::io_error, segment.path + " changed while it was read, at offset " +
                                            std::to_string(frame.offset)};
    }
    chain = frame.header.chain;
    KIMDB_RETURN_IF_ERROR(write_all(**out, frame.offset, bytes));
  }
  KIMDB_RETURN_IF_ERROR((*out)->sync());
  out->reset();
  KIMDB_RETURN_IF_ERROR(filesystem.rename(temporary, segment.path));
  return filesystem.sync_directory(directory.log_directory());
}

}  // namespace kimdb::wal
