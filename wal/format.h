// The bytes of the log on disk: segment headers, frame headers, records. Pure: bytes in, values
// out.
//
// docs/wal_format.md is the grammar with a worked example. All numbers are little-endian.
//
//   segment: [header 4096 bytes][frame]...[zeros]
//   frame:   [header 72 bytes][payload][zeros up to a multiple of 8]
//   payload: ([length u32][bytes])...     one for each record; `count` of them
//
// A frame is one group commit and atomic: it checks as a whole or is not there. Its header has a
// local part, which each node builds for its own file, and a shared part, the same on every node:
//
//   local:   [magic u32][header_crc u32][payload_crc u32][zero u32][durable_lsn u64]
//   shared:  [first_lsn u64][term u64][committed_lsn u64][commit_time_ms i64][count
//   u32][payload_size u32][flags u32][chain u32]
//
// header_crc and payload_crc are seeded with the segment's random salt and the frame's offset in
// the file, so that a block of another file, or of another place, does not check. header_crc covers
// all that follows it in the header; it is checked before payload_size is believed. chain is not
// seeded: CRC32C over the previous frame's chain, the shared part without chain, and the payload.
// Two logs with the same chain at an LSN are the same up to there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/lsn.h"
#include "base/result.h"
#include "wal/bytes.h"

namespace kimdb::wal {

constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kSegmentHeaderBytes = 4096;
constexpr std::size_t kFrameHeaderBytes = 72;
constexpr std::size_t kFrameAlignment = 8;
constexpr std::size_t kRecordLengthBytes = 4;
// No payload is larger: what a header claims beyond it is damage, not a reason to allocate.
constexpr std::uint64_t kPayloadBytesMax = (std::uint64_t{1} << 31) - 4096;

using Uuid = std::array<std::uint8_t, 16>;  // cluster_id, node_id: random bytes
std::string to_string(const Uuid& uuid);    // 32 hex digits
void put_uuid(ByteWriter& out, const Uuid& uuid);
Uuid take_uuid(ByteReader& in);

// A point of the log: everything up to `lsn`, and what a frame behind it builds on.
struct Position {
  Lsn lsn = 0;
  std::uint64_t term = 0;           // 0: before the first term
  std::uint32_t chain = 0;          // at `lsn`
  std::int64_t commit_time_ms = 0;  // of the frame that holds `lsn`
  bool operator==(const Position&) const = default;
};

// Flags of the shared part.
constexpr std::uint32_t kTermFrame = 1;  // begins `term`; its one record is an encoded TermRecord
constexpr std::uint32_t kWatermarkFrame =
    2;  // local: no record, no LSN, not in the chain, never shipped

struct SegmentHeader {
  // A flag this build does not know: incompatible ones keep it from reading, the others only from
  // writing.
  std::uint32_t incompatible_flags = 0;
  std::uint32_t read_only_flags = 0;
  Uuid cluster_id{};
  std::uint64_t salt = 0;
  std::uint64_t sequence = 0;  // of the segment, from 1, without gaps
  Lsn first_lsn = 0;           // of the first frame; the segment before it ends at first_lsn - 1
  std::uint64_t term = 0;      // where the segment before it ended: term, chain and time
  std::int64_t commit_time_ms = 0;
  std::uint32_t chain = 0;
};

// kSegmentHeaderBytes bytes.
std::string encode_segment_header(const SegmentHeader& header);
// corrupt where the bytes do not check, unsupported for a version or an incompatible flag this
// build does not know.
Result<SegmentHeader> decode_segment_header(std::string_view bytes);

struct FrameHeader {
  std::uint32_t payload_crc = 0;
  Lsn durable_lsn = 0;  // the highest LSN that this node knew to be synced when it wrote the frame
  Lsn first_lsn = 0;    // of a watermark: the LSN that the next frame will begin with
  std::uint64_t term = 0;
  Lsn committed_lsn = 0;
  std::int64_t commit_time_ms = 0;
  std::uint32_t count = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t flags = 0;
  std::uint32_t chain = 0;

  bool is_watermark() const { return (flags & kWatermarkFrame) != 0; }
  bool is_term() const { return (flags & kTermFrame) != 0; }
  Lsn last_lsn() const { return first_lsn + count - 1; }
};

// Where a frame lies, as its checksums see it.
struct FramePlace {
  std::uint64_t salt = 0;
  std::uint64_t offset = 0;  // in the file
};

// Bytes of a whole frame in the file.
constexpr std::uint64_t frame_size(std::uint64_t payload_size) {
  return (kFrameHeaderBytes + payload_size + kFrameAlignment - 1) / kFrameAlignment *
         kFrameAlignment;
}

// Fills in header.payload_crc and header.chain (kept for a watermark), and writes the header at
// `out`. `chain_before` is the chain of the frame before it.
void seal_frame(FrameHeader& header, std::string_view payload, std::uint32_t chain_before,
                FramePlace place, char* out);

// A quick look at the first four bytes.
bool may_be_frame(const char* bytes);
// The header where magic and header_crc check.
std::optional<FrameHeader> decode_frame_header(std::string_view bytes, FramePlace place);
bool payload_checks(const FrameHeader& header, std::string_view payload, FramePlace place);
std::uint32_t next_chain(std::uint32_t chain_before, const FrameHeader& header,
                         std::string_view payload);

void put_record_length(char* out, std::uint32_t length);

// Takes the next record off `payload`; nothing where it is empty or does not hold what the length
// says.
std::optional<std::string_view> take_record(std::string_view& payload);

// The record of a term frame: who began which term.
struct TermRecord {
  std::uint64_t term = 0;
  Uuid node_id{};
};
std::string encode_term_record(const TermRecord& record);
std::optional<TermRecord> decode_term_record(std::string_view bytes);

// log/<sequence>-<first_lsn>.wal
struct SegmentName {
  std::uint64_t sequence = 0;
  Lsn first_lsn = 0;
};
std::string to_file_name(const SegmentName& name);
std::optional<SegmentName> parse_segment_name(std::string_view file_name);

}  // namespace kimdb::wal
