// Writes sealed chunks as frames into segments, and syncs them. The one place that knows where the
// log ends on disk.
//
// Owned by Log; used by one thread at a time, by whoever has the flush role. After an error other
// than a full disk, which it waits out, nothing may be called but the destructor: what was written
// since the last sync is in doubt.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/filesystem.h"
#include "base/result.h"
#include "wal/append_buffer.h"
#include "wal/data_directory.h"
#include "wal/format.h"
#include "wal/segment_preparer.h"

namespace kimdb::wal {

class Writer {
 public:
  struct Options {
    bool sync_closed_segments = true;  // at the change to the next; else later, with sync()
    std::uint64_t written_bytes = 0;   // by the writer before it
  };

  // Nothing is written before the first frame: it opens a new segment, `sequence`.
  Writer(DataDirectory& directory, SegmentPreparer& preparer, Position end, std::uint64_t sequence,
         Options options)
      : directory_(directory),
        preparer_(preparer),
        options_(options),
        end_(end),
        durable_lsn_(end.lsn),
        sequence_(sequence),
        written_bytes_(options.written_bytes) {}

  // Each chunk becomes a frame; all of them go out in as few writes as the segments allow. Not
  // synced yet.
  Status write(const std::vector<AppendBuffer::Chunk*>& chunks, Lsn committed_lsn);
  // The first frame of a term; takes one LSN.
  Status write_term(std::uint64_t term, const Uuid& node_id, Lsn committed_lsn);
  // corrupt where a frame of another node's log does not follow the last one of this.
  Status check_follows(const FrameHeader& shared, std::string_view payload) const;
  // A frame of another node's log that does follow: its shared part, and its payload. Not synced
  // yet.
  Status write_foreign(const FrameHeader& shared, std::string_view payload);
  // Says in the log what is synced. Not synced itself.
  Status write_watermark(Lsn committed_lsn);
  // Everything written is on stable storage.
  Status sync();
  // Ends the active segment at its last frame, for a clean stop.
  Status finish();

  Lsn written_lsn() const { return end_.lsn; }
  Lsn durable_lsn() const { return durable_lsn_; }
  const Position& end() const { return end_; }
  // The highest durable_lsn() that a frame on disk carries.
  Lsn noted_durable_lsn() const { return noted_durable_lsn_; }
  Lsn noted_committed_lsn() const { return noted_committed_lsn_; }  // the same
  std::uint64_t room() const { return file_ == nullptr ? 0 : segment_size_ - offset_; }
  std::uint64_t written_bytes() const { return written_bytes_; }
  std::uint64_t sequence() const { return sequence_; }

 private:
  // Room for a frame of this size at offset_: in the active segment or a new one.
  Status make_room(std::uint64_t frame_bytes);
  Status open_segment(std::uint64_t frame_bytes);
  // Seals the frame whose payload lies kFrameHeaderBytes behind `frame`, and queues it for
  // write_queued().
  void queue(char* frame, FrameHeader header);
  Status write_queued();
  Status sync_closed();

  DataDirectory& directory_;
  SegmentPreparer& preparer_;
  const Options options_;
  Position end_;  // of what was queued
  Lsn durable_lsn_;
  Lsn noted_durable_lsn_ = 0;
  Lsn noted_committed_lsn_ = 0;
  bool unsynced_ = false;   // something was written behind the last sync
  std::uint64_t sequence_;  // of the active segment; of the first one before it is opened
  std::unique_ptr<File> file_;
  std::uint64_t segment_size_ = 0;
  std::uint64_t written_bytes_;  // in frames
  std::uint64_t salt_ = 0;
  std::uint64_t offset_ = 0;         // behind the last queued frame
  std::uint64_t queued_offset_ = 0;  // of the first queued frame
  std::vector<std::string_view> queued_;
  std::vector<std::unique_ptr<File>> closed_unsynced_;  // oldest first
};

}  // namespace kimdb::wal
