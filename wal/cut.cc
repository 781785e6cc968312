#include "wal/cut.h"

#include <algorithm>
#include <utility>

#include "wal/segment_reader.h"

namespace kimdb::wal {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;

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

// The position at which the segment that holds `lsn` begins.
Result<Position> begin_of_segment(DataDirectory& directory, Lsn lsn) {
  auto names = directory.list_segments();
  if (!names) return std::move(names).error();
  const SegmentName* segment = nullptr;
  for (const SegmentName& name : *names)
    if (name.first_lsn <= lsn) segment = &name;
  if (segment == nullptr)
    return Error{ErrorCode::not_found, "the log does not reach back to LSN " + std::to_string(lsn)};
  auto reader = SegmentReader::open(directory.filesystem(), directory.segment_path(*segment));
  if (!reader) return std::move(reader).error();
  const SegmentHeader& header = reader->header();
  return Position{header.first_lsn - 1, header.term, header.chain, header.commit_time_ms};
}

}  // namespace

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

Result<LogScan> end_before(DataDirectory& directory, const Position& start, Lsn lsn, LogScan scan) {
  std::erase_if(scan.segments,
                [&](const ScannedSegment& segment) { return segment.name.first_lsn >= lsn; });
  auto names = directory.list_segments();
  if (!names) return std::move(names).error();
  const std::uint64_t last = scan.segments.empty() ? 0 : scan.segments.back().name.sequence;
  std::erase_if(*names, [&](const SegmentName& name) { return name.sequence <= last; });
  scan.later_segments = std::move(*names);
  scan.end = start;
  if (scan.segments.empty()) return scan;

  ScannedSegment& segment = scan.segments.back();
  auto reader = SegmentReader::open(directory.filesystem(), segment.path);
  if (!reader) return std::move(reader).error();
  const SegmentHeader& header = reader->header();
  const std::uint64_t sound_end = std::exchange(segment.end, kSegmentHeaderBytes);
  segment.last_lsn = header.first_lsn - 1;
  scan.end = {segment.last_lsn, header.term, header.chain, header.commit_time_ms};
  while (reader->offset() < sound_end) {
    auto next = reader->next();
    if (!next) return std::move(next).error();
    if (!next->has_value()) break;
    const FrameHeader& frame = (*next)->header;
    if (!frame.is_watermark()) {
      if (frame.last_lsn() >= lsn) break;
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

Result<std::uint64_t> next_sequence(const DataDirectory& directory) {
  const auto names = directory.list_segments();
  if (!names) return names.error();
  return std::max(names->empty() ? 0 : names->back().sequence, directory.meta().last_sequence) + 1;
}

Result<Position> cut_log_behind(DataDirectory& directory, Lsn lsn,
                                std::vector<std::string>& copies) {
  const auto start = begin_of_segment(directory, lsn == 0 ? 1 : lsn);
  if (!start) return start.error();
  auto scan = scan_log(directory, *start, {}, {});
  if (!scan) return std::move(scan).error();
  auto cut = end_before(directory, *start, lsn + 1, std::move(*scan));
  if (!cut) return std::move(cut).error();
  if (cut->end.lsn != lsn)
    return Error{ErrorCode::corrupt, "no frame of the log ends at LSN " + std::to_string(lsn)};
  KIMDB_RETURN_IF_ERROR(cut_log(directory, *cut, copies));
  KIMDB_RETURN_IF_ERROR(directory.update_meta([&](Meta& meta) {
    std::erase_if(meta.history, [&](const TermStart& term) { return term.first_lsn > lsn; });
  }));
  return cut->end;
}

}  // namespace kimdb::wal
