// Reads frames from the log of a data directory while the log is being written: for snapshots and
// replication.
//
// Only frames up to an LSN that is known to be written are asked for; what lies behind is not
// looked at. One thread. A segment that is open stays readable when retention removes it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "wal/data_directory.h"
#include "wal/format.h"
#include "wal/scan.h"
#include "wal/segment_reader.h"

namespace kimdb::wal {

class Reader {
 public:
  struct Frame {
    FrameHeader header;
    std::string_view payload;  // good until the next call
    Position end;              // of the log behind this frame
  };

  // Frames with LSNs behind `after`. not_found where the log does not reach back so far.
  static Result<Reader> open(DataDirectory& directory, Lsn after);

  // The next frame (a term's frame too) where it ends at or below `limit`, an LSN at or below
  // Log::durable_lsn(), or at least written. Nothing where there is none; the frame that holds
  // `limit` in its middle is not given.
  Result<std::optional<Frame>> next(Lsn limit);

  // The LSN behind which next() goes on.
  Lsn position() const { return end_.lsn; }
  // The same with what a snapshot that is exact there says of it.
  const Position& end() const { return end_; }

 private:
  Reader(DataDirectory& directory, SegmentReader segment, Position end, Lsn after)
      : directory_(&directory), segment_(std::move(segment)), end_(end), after_(after) {}

  Result<std::optional<SegmentReader::Frame>> next_in_segments();

  DataDirectory* directory_;
  SegmentReader segment_;
  Position end_;
  Lsn after_;
};

// The records of a frame that lie behind `after`; none of a term's frame. corrupt where the payload
// is not what the header says (a frame that was read from a log has been checked).
Status visit_records(const FrameHeader& header, std::string_view payload, Lsn after,
                     const RecordVisitor& visit);

}  // namespace kimdb::wal
