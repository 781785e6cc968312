#include "wal/reader.h"

#include <string>
#include <utility>
#include <vector>

namespace kimdb::wal {

Result<Reader> Reader::open(DataDirectory& directory, Lsn after) {
  auto segments = directory.list_segments();
  if (!segments) return std::move(segments).error();
  const SegmentName* start = nullptr;
  for (const SegmentName& segment : *segments) {
    if (segment.first_lsn <= after + 1) start = &segment;
  }
  if (start == nullptr) {
    return Error{ErrorCode::not_found,
                 "the log does not reach back to LSN " + std::to_string(after + 1)};
  }
  auto reader = SegmentReader::open(directory.filesystem(), directory.segment_path(*start));
  if (!reader) return std::move(reader).error();
  const SegmentHeader& header = reader->header();
  return Reader(directory, std::move(*reader),
                Position{header.first_lsn - 1, header.term, header.chain, header.commit_time_ms},
                after);
}

Result<std::optional<Reader::Frame>> Reader::next(Lsn limit) {
  while (end_.lsn < limit) {
    const std::uint64_t offset = segment_.offset();
    auto found = next_in_segments();
    if (!found) return std::move(found).error();
    if (!found->has_value()) {
      // It may be that what comes next was deleted behind a snapshot.
      if (const auto again = open(*directory_, end_.lsn); !again) return again.error();
      return Error{ErrorCode::corrupt, segment_.path() + ", offset " + std::to_string(offset) +
                                           ": the frame of LSN " + std::to_string(end_.lsn + 1) +
                                           " does not check"};
    }
    const SegmentReader::Frame& frame = **found;
    if (frame.header.is_watermark()) continue;
    if (frame.header.first_lsn != end_.lsn + 1 ||
        next_chain(end_.chain, frame.header, frame.payload) != frame.header.chain) {
      return Error{ErrorCode::corrupt,
                   segment_.path() + ", offset " + std::to_string(frame.offset) +
                       ": the frame does not follow LSN " + std::to_string(end_.lsn)};
    }
    if (frame.header.last_lsn() > limit) {
      segment_.seek(frame.offset);
      return std::optional<Frame>();
    }
    end_ = {frame.header.last_lsn(), frame.header.term, frame.header.chain,
            frame.header.commit_time_ms};
    if (end_.lsn <= after_) continue;
    return std::optional<Frame>(Frame{frame.header, frame.payload, end_});
  }
  return std::optional<Frame>();
}

Result<std::optional<SegmentReader::Frame>> Reader::next_in_segments() {
  auto found = segment_.next();
  if (!found || found->has_value()) return found;
  found = segment_.next_of_growing();
  if (!found || found->has_value()) return found;
  auto segments = directory_->list_segments();
  if (!segments) return std::move(segments).error();
  for (const SegmentName& segment : *segments) {
    if (segment.sequence != segment_.header().sequence + 1 || segment.first_lsn != end_.lsn + 1)
      continue;
    auto reader = SegmentReader::open(directory_->filesystem(), directory_->segment_path(segment));
    if (!reader) return std::move(reader).error();
    segment_ = std::move(*reader);
    return next_in_segments();
  }
  return std::optional<SegmentReader::Frame>();
}

Status visit_records(const FrameHeader& header, std::string_view payload, Lsn after,
                     const RecordVisitor& visit) {
  if (header.is_term() || header.is_watermark() || header.last_lsn() <= after) return {};
  std::vector<RecordView> records;
  records.reserve(header.count);
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const auto record = take_record(payload);
    if (!record)
      return Error{ErrorCode::corrupt, "a frame holds fewer records than its header says"};
    if (header.first_lsn + i > after)
      records.push_back(
          {header.first_lsn + i, header.commit_time_ms, header.committed_lsn, *record});
  }
  return visit(records);
}

}  // namespace kimdb::wal
