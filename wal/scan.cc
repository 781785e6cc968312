#include "wal/scan.h"

#include <algorithm>
#include <utility>

#include "wal/segment_reader.h"

namespace kimdb::wal {
namespace {

class Scanner {
 public:
  Scanner(DataDirectory& directory, const Position& after, const RecordVisitor& visit,
          const ProgressListener& progress)
      : directory_(directory),
        after_(after),
        visit_(visit),
        progress_(progress),
        meta_(directory.meta()) {}

  Result<LogScan> run() {
    auto segments = directory_.list_segments();
    if (!segments) {
      if (segments.error().code != ErrorCode::corrupt) return std::move(segments).error();
      scan_.damage =
          Damage{directory_.log_directory(), 0, after_.lsn + 1, segments.error().message};
      return std::move(scan_);
    }
    names_ = std::move(*segments);
    scan_.end = after_;
    scan_.known_durable = std::max({meta_.durable_lsn, meta_.checkpoint_lsn, after_.lsn});
    KIMDB_RETURN_IF_ERROR(read_segments());
    if (!scan_.damage) judge_end();
    return std::move(scan_);
  }

 private:
  Status read_segments() {
    // Segments that end at or before the snapshot do not matter any more; retention may have left
    // holes among them.
    std::size_t first = names_.size();
    for (std::size_t i = 0; i < names_.size() && names_[i].first_lsn <= after_.lsn + 1; ++i)
      first = i;
    if (first == names_.size()) {
      if (!names_.empty()) {
        damaged(directory_.segment_path(names_[0]), 0, after_.lsn + 1,
                "the segments before it are missing: LSNs " + std::to_string(after_.lsn + 1) +
                    " to " + std::to_string(names_[0].first_lsn - 1));
      }
      return {};
    }
    for (std::size_t i = first; i < names_.size(); ++i) {
      auto file = directory_.filesystem().open(directory_.segment_path(names_[i]),
                                               Filesystem::OpenMode::read);
      if (!file) return std::move(file).error();
      auto size = (*file)->size();
      if (!size) return std::move(size).error();
      reported_.bytes_total += *size;
    }
    for (std::size_t i = first; i < names_.size(); ++i) {
      auto go_on = read_segment(i, i == first);
      if (!go_on) return std::move(go_on).error();
      if (!*go_on) break;
    }
    return check_gaps(first);
  }

  // False where the log ends in it or before it.
  Result<bool> read_segment(std::size_t index, bool is_first) {
    const SegmentName& name = names_[index];
    const std::string path = directory_.segment_path(name);
    if (!is_first && name.sequence != names_[index - 1].sequence + 1) {
      const ScannedSegment& before = scan_.segments.back();
      damaged(before.path, before.end, scan_.end.lsn + 1,
              "segments " + std::to_string(names_[index - 1].sequence + 1) + " to " +
                  std::to_string(name.sequence - 1) + " behind it are missing: LSNs " +
                  std::to_string(scan_.end.lsn + 1) + " to " + std::to_string(name.first_lsn - 1));
      return false;
    }
    // The segment before it ended early: its tail is what does not check.
    if (!is_first && name.first_lsn > scan_.end.lsn + 1) {
      note_later(index);
      return false;
    }
    auto opened = SegmentReader::open(directory_.filesystem(), path);
    if (!opened) {
      // A header is synced before its file gets its name: no crash leaves a broken one.
      if (opened.error().code != ErrorCode::corrupt) return std::move(opened).error();
      damaged(path, 0, is_first ? name.first_lsn : scan_.end.lsn + 1, opened.error().message);
      return false;
    }
    SegmentReader& reader = *opened;
    const SegmentHeader& header = reader.header();
    const Position start{header.first_lsn - 1, header.term, header.chain, header.commit_time_ms};
    if (header.sequence != name.sequence || header.first_lsn != name.first_lsn ||
        header.cluster_id != meta_.cluster_id || (!is_first && start != scan_.end)) {
      damaged(path, 0, name.first_lsn,
              header.cluster_id != meta_.cluster_id
                  ? "the segment belongs to another cluster (" + to_string(header.cluster_id) + ")"
                  : "the segment's header does not belong to this name or this log");
      return false;
    }
    if (is_first) {
      scan_.end = start;
      if (start.lsn == after_.lsn && !check_snapshot(path, kSegmentHeaderBytes)) return false;
    }
    scan_.segments.push_back({name, path, header, kSegmentHeaderBytes, header.first_lsn - 1});
    const bool whole = index + 1 < names_.size();
    auto frames = read_frames(reader);
    if (!frames) return std::move(frames).error();
    if (scan_.damage) return false;
    if (whole && names_[index + 1].first_lsn == scan_.end.lsn + 1) return true;
    KIMDB_RETURN_IF_ERROR(look_behind(reader));
    if (!whole) return false;
    if (names_[index + 1].sequence != name.sequence + 1) return true;  // reports the missing one
    note_later(index + 1);
    return false;
  }

  Status read_frames(SegmentReader& reader) {
    for (;;) {
      auto next = reader.next();
      if (!next) return std::move(next).error();
      if (!next->has_value()) return {};
      const SegmentReader::Frame& frame = **next;
      if (!continues(frame)) {
        reader.seek(frame.offset);
        return {};
      }
      ScannedSegment& segment = scan_.segments.back();
      segment.end = reader.offset();
      scan_.known_durable = std::max(scan_.known_durable, frame.header.durable_lsn);
      report(reader.offset() - frame.offset, frame.header.count);
      scan_.committed_lsn = std::max(scan_.committed_lsn, frame.header.committed_lsn);
      if (frame.header.is_watermark()) continue;
      KIMDB_RETURN_IF_ERROR(visit_frame(frame));
      const Lsn before = scan_.end.lsn;
      scan_.end = {frame.header.last_lsn(), frame.header.term, frame.header.chain,
                   frame.header.commit_time_ms};
      segment.last_lsn = scan_.end.lsn;
      if (before < after_.lsn && scan_.end.lsn == after_.lsn &&
          !check_snapshot(reader.path(), frame.offset))
        return {};
    }
  }

  // Does the frame build on what was read? Collects its records.
  bool continues(const SegmentReader::Frame& frame) {
    const FrameHeader& header = frame.header;
    if (header.first_lsn != scan_.end.lsn + 1) return false;
    if (header.is_watermark()) return header.chain == scan_.end.chain;
    if (header.term < scan_.end.term || header.commit_time_ms < scan_.end.commit_time_ms)
      return false;
    if (next_chain(scan_.end.chain, header, frame.payload) != header.chain) return false;
    records_.clear();
    std::string_view rest = frame.payload;
    for (std::uint32_t i = 0; i < header.count; ++i) {
      const auto record = take_record(rest);
      if (!record) return false;
      records_.push_back(
          {header.first_lsn + i, header.commit_time_ms, header.committed_lsn, *record});
    }
    return rest.empty();
  }

  Status visit_frame(const SegmentReader::Frame& frame) {
    const FrameHeader& header = frame.header;
    if (header.is_term()) {
      const auto term = decode_term_record(records_.front().bytes);
      scan_.terms.push_back({header.term, header.first_lsn, term ? term->node_id : Uuid{}});
      return {};
    }
    if (header.last_lsn() <= after_.lsn || !visit_) return {};
    std::span<const RecordView> records = records_;
    if (header.first_lsn <= after_.lsn)
      records = records.subspan(static_cast<std::size_t>(after_.lsn + 1 - header.first_lsn));
    return visit_(records);
  }

  // The log at the snapshot's LSN must be the log that the snapshot was taken of.
  bool check_snapshot(const std::string& path, std::uint64_t offset) {
    if (after_.term == 0 || (scan_.end.chain == after_.chain && scan_.end.term == after_.term))
      return true;
    damaged(
        path, offset, after_.lsn,
        "the log is another one than that of the snapshot at LSN " + std::to_string(after_.lsn));
    return false;
  }

  // Frames behind the last good one: what they know to be synced, and whether there is anything at
  // all.
  Status look_behind(SegmentReader& reader) {
    const std::uint64_t end = scan_.segments.back().end;
    auto data_end = reader.end_of_data(end);
    if (!data_end) return std::move(data_end).error();
    if (*data_end > end) {
      scan_.torn = true;
      scan_.torn_end = *data_end;
    }
    reader.seek(end);
    return raise_durable(reader);
  }

  Status raise_durable(SegmentReader& reader) {
    for (;;) {
      auto header = reader.find_header();
      if (!header) return std::move(header).error();
      if (!header->has_value()) return {};
      scan_.known_durable = std::max(scan_.known_durable, (*header)->durable_lsn);
    }
  }

  void note_later(std::size_t index) {
    scan_.torn = true;
    for (; index < names_.size(); ++index) scan_.later_segments.push_back(names_[index]);
  }

  // The log ended before segments that still exist: read on through them, and see that none is
  // missing there either.
  Status check_gaps(std::size_t first) {
    for (const SegmentName& name : scan_.later_segments) {
      auto reader = SegmentReader::open(directory_.filesystem(), directory_.segment_path(name));
      if (!reader) {
        if (reader.error().code != ErrorCode::corrupt) return std::move(reader).error();
        damaged(directory_.segment_path(name), 0, scan_.end.lsn + 1, reader.error().message);
        return {};
      }
      KIMDB_RETURN_IF_ERROR(raise_durable(*reader));
    }
    if (scan_.damage) return {};
    for (std::size_t i = first + 1; i < names_.size(); ++i) {
      if (names_[i].sequence == names_[i - 1].sequence + 1) continue;
      damaged(directory_.segment_path(names_[i - 1]), 0, scan_.end.lsn + 1,
              "segments " + std::to_string(names_[i - 1].sequence + 1) + " to " +
                  std::to_string(names_[i].sequence - 1) +
                  " behind it are missing, with LSNs up to " +
                  std::to_string(names_[i].first_lsn - 1));
      return {};
    }
    return {};
  }

  void judge_end() {
    const Lsn lost = scan_.end.lsn + 1;
    const bool none = scan_.segments.empty();
    const std::string path = none ? directory_.log_directory() : scan_.segments.back().path;
    const std::uint64_t offset = none ? 0 : scan_.segments.back().end;
    const std::uint64_t last_sequence = names_.empty() ? 0 : names_.back().sequence;
    if (scan_.known_durable >= lost) {
      damaged(path, offset, lost,
              "the frame there does not check, although LSNs up to " +
                  std::to_string(scan_.known_durable) + " were on stable storage");
    } else if (meta_.last_sequence > last_sequence) {
      damaged(path, offset, lost,
              "segments " + std::to_string(last_sequence + 1) + " to " +
                  std::to_string(meta_.last_sequence) + " are missing: LSNs from " +
                  std::to_string(lost) + " on");
    }
  }

  void damaged(std::string path, std::uint64_t offset, Lsn lsn, std::string what) {
    if (!scan_.damage) scan_.damage = Damage{std::move(path), offset, lsn, std::move(what)};
  }

  void report(std::uint64_t bytes, std::uint32_t records) {
    scan_.bytes += bytes;
    scan_.records += records;
    constexpr std::uint64_t kEvery = 4 << 20;
    if (!progress_ || scan_.bytes / kEvery == (scan_.bytes - bytes) / kEvery) return;
    reported_.bytes = scan_.bytes;
    reported_.records = scan_.records;
    progress_(reported_);
  }

  DataDirectory& directory_;
  const Position after_;
  const RecordVisitor& visit_;
  const ProgressListener& progress_;
  const Meta meta_;
  std::vector<SegmentName> names_;
  std::vector<RecordView> records_;  // of the frame at hand
  RecoverProgress reported_;
  LogScan scan_;
};

}  // namespace

Result<LogScan> scan_log(DataDirectory& directory, const Position& after,
                         const RecordVisitor& visit, const ProgressListener& progress) {
  return Scanner(directory, after, visit, progress).run();
}

}  // namespace kimdb::wal
