#include "wal/writer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"

namespace kimdb::wal {
namespace {

// Without syncs, so many segments may wait for the operating system before the oldest is synced
// after all. What is synced is let go from the page cache: hardly anybody reads it again, and a
// page that was just freed takes the next segment's bytes at half the time of one that was never
// used (virtual machines get memory from their host at the first touch).
constexpr std::size_t kClosedUnsyncedMax = 4;

}  // namespace

Status Writer::write(const std::vector<AppendBuffer::Chunk*>& chunks, Lsn committed_lsn) {
  for (AppendBuffer::Chunk* chunk : chunks) {
    FrameHeader header;
    header.first_lsn = chunk->first_lsn.load(std::memory_order_relaxed);
    header.count = chunk->count;
    header.payload_size = static_cast<std::uint32_t>(chunk->bytes);
    header.committed_lsn = committed_lsn;
    KIMDB_RETURN_IF_ERROR(make_room(frame_size(chunk->bytes)));
    queue(chunk->payload - kFrameHeaderBytes, header);
  }
  return write_queued();
}

Status Writer::write_term(std::uint64_t term, const Uuid& node_id, Lsn committed_lsn) {
  const std::string record = encode_term_record({term, node_id});
  std::string frame(static_cast<std::size_t>(frame_size(kRecordLengthBytes + record.size())), '\0');
  put_record_length(frame.data() + kFrameHeaderBytes, static_cast<std::uint32_t>(record.size()));
  record.copy(frame.data() + kFrameHeaderBytes + kRecordLengthBytes, record.size());
  KIMDB_RETURN_IF_ERROR(make_room(frame.size()));
  end_.term = term;
  FrameHeader header;
  header.first_lsn = end_.lsn + 1;
  header.count = 1;
  header.payload_size = static_cast<std::uint32_t>(kRecordLengthBytes + record.size());
  header.committed_lsn = committed_lsn;
  header.flags = kTermFrame;
  queue(frame.data(), header);
  return write_queued();
}

Status Writer::check_follows(const FrameHeader& shared, std::string_view payload) const {
  if (shared.is_watermark() || shared.first_lsn != end_.lsn + 1 || shared.term < end_.term ||
      shared.payload_size != payload.size() ||
      next_chain(end_.chain, shared, payload) != shared.chain) {
    return Error{ErrorCode::corrupt, "the frame of LSN " + std::to_string(shared.first_lsn) +
                                         " does not follow LSN " + std::to_string(end_.lsn)};
  }
  return {};
}

Status Writer::write_foreign(const FrameHeader& shared, std::string_view payload) {
  std::string frame(static_cast<std::size_t>(frame_size(payload.size())), '\0');
  payload.copy(frame.data() + kFrameHeaderBytes, payload.size());
  KIMDB_RETURN_IF_ERROR(make_room(frame.size()));
  end_.term = shared.term;
  queue(frame.data(), shared);
  return write_queued();
}

Status Writer::write_watermark(Lsn committed_lsn) {
  char frame[kFrameHeaderBytes];
  KIMDB_RETURN_IF_ERROR(make_room(sizeof frame));
  FrameHeader header;
  header.first_lsn = end_.lsn + 1;
  header.committed_lsn = committed_lsn;
  header.flags = kWatermarkFrame;
  queue(frame, header);
  return write_queued();
}

Status Writer::make_room(std::uint64_t frame_bytes) {
  if (frame_bytes <= room()) return {};
  KIMDB_RETURN_IF_ERROR(write_queued());
  return open_segment(frame_bytes);
}

void Writer::queue(char* frame, FrameHeader header) {
  const std::string_view payload(frame + kFrameHeaderBytes, header.payload_size);
  const std::uint64_t size = frame_size(payload.size());
  std::memset(frame + kFrameHeaderBytes + payload.size(), 0,
              size - kFrameHeaderBytes - payload.size());
  header.term = end_.term;
  header.durable_lsn = durable_lsn_;
  // Time never falls in the log, whatever the clock does. A foreign frame brings its own.
  if (header.commit_time_ms == 0)
    header.commit_time_ms = std::max(end_.commit_time_ms, directory_.clock().unix_ms());
  seal_frame(header, payload, end_.chain, {.salt = salt_, .offset = offset_}, frame);
  if (!header.is_watermark()) {
    end_.lsn = header.last_lsn();
    end_.chain = header.chain;
    end_.commit_time_ms = header.commit_time_ms;
  }
  noted_committed_lsn_ = std::max(noted_committed_lsn_, header.committed_lsn);
  if (queued_.empty()) queued_offset_ = offset_;
  queued_.emplace_back(frame, size);
  offset_ += size;
  written_bytes_ += size;
}

Status Writer::write_queued() {
  if (queued_.empty()) return {};
  unsynced_ = true;
  for (;;) {
    const Status written = write_all(*file_, queued_offset_, queued_);
    if (written) break;
    // The same bytes may be written to the same place again; only a sync must never be repeated.
    if (written.error().code != ErrorCode::disk_full || !preparer_.wait_for_room()) return written;
  }
  preparer_.room_found();
  queued_.clear();
  noted_durable_lsn_ = durable_lsn_;
  return {};
}

// A segment gets its name with its header synced, and the name is synced before the first frame: so
// a segment that exists has a good header, and one that is missing was lost.
Status Writer::open_segment(std::uint64_t frame_bytes) {
  auto prepared = preparer_.take(kSegmentHeaderBytes + frame_bytes);
  if (!prepared) return std::move(prepared).error();
  if (file_ != nullptr) {
    if (unsynced_)
      closed_unsynced_.push_back(std::move(file_));
    else
      file_->forget_cached();
    file_.reset();
    ++sequence_;
    if (options_.sync_closed_segments) {
      KIMDB_RETURN_IF_ERROR(sync());
    } else if (closed_unsynced_.size() > kClosedUnsyncedMax) {
      KIMDB_RETURN_IF_ERROR(closed_unsynced_.front()->sync());
      closed_unsynced_.front()->forget_cached();
      closed_unsynced_.erase(closed_unsynced_.begin());
    }
  }
  SegmentHeader header;
  header.cluster_id = directory_.meta().cluster_id;
  header.salt = directory_.random();
  header.sequence = sequence_;
  header.first_lsn = end_.lsn + 1;
  header.term = end_.term;
  header.commit_time_ms = end_.commit_time_ms;
  header.chain = end_.chain;
  Filesystem& filesystem = directory_.filesystem();
  const std::string bytes = encode_segment_header(header);
  for (;;) {
    const Status written = write_all(*prepared->file, 0, bytes);
    if (written) break;
    if (written.error().code != ErrorCode::disk_full || !preparer_.wait_for_room()) return written;
  }
  KIMDB_RETURN_IF_ERROR(prepared->file->sync());
  KIMDB_RETURN_IF_ERROR(
      filesystem.rename(directory_.next_segment_path(),
                        directory_.segment_path({header.sequence, header.first_lsn})));
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory_.log_directory()));
  preparer_.installed();
  preparer_.mark(sequence_, durable_lsn_);
  file_ = std::move(prepared->file);
  segment_size_ = prepared->size;
  salt_ = header.salt;
  offset_ = kSegmentHeaderBytes;
  return {};
}

Status Writer::sync() {
  KIMDB_RETURN_IF_ERROR(write_queued());
  KIMDB_RETURN_IF_ERROR(sync_closed());
  if (unsynced_ && file_ != nullptr) KIMDB_RETURN_IF_ERROR(file_->sync());
  unsynced_ = false;
  durable_lsn_ = end_.lsn;
  return {};
}

Status Writer::sync_closed() {
  for (const std::unique_ptr<File>& file : closed_unsynced_) {
    KIMDB_RETURN_IF_ERROR(file->sync());
    file->forget_cached();
  }
  closed_unsynced_.clear();
  return {};
}

Status Writer::finish() {
  if (file_ == nullptr) return {};
  KIMDB_RETURN_IF_ERROR(file_->truncate(offset_));
  KIMDB_RETURN_IF_ERROR(file_->sync());
  file_.reset();
  return {};
}

}  // namespace kimdb::wal
