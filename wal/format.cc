#include "wal/format.h"

#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "wal/bytes.h"

namespace kimdb::wal {
namespace {

constexpr std::string_view kSegmentMagic = "kimdbWAL";
constexpr std::uint32_t kFrameMagic = 0x4652414d;  // "MARF" in the file

// Offsets in a frame header.
constexpr std::size_t kHeaderCrcAt = 4;
constexpr std::size_t kPayloadCrcAt = 8;
constexpr std::size_t kSharedAt = 24;
constexpr std::size_t kChainAt = 68;

std::uint32_t seed_of(FramePlace place) {
  char raw[16];
  store(raw, place.salt);
  store(raw + 8, place.offset);
  return crc32c({raw, sizeof raw});
}

void put_shared(const FrameHeader& header, char* out) {
  store(out, header.first_lsn);
  store(out + 8, header.term);
  store(out + 16, header.committed_lsn);
  store(out + 24, header.commit_time_ms);
  store(out + 32, header.count);
  store(out + 36, header.payload_size);
  store(out + 40, header.flags);
}

// The CRC of what `crc` stands for followed by the payload, whose own CRC is known. Reading a short
// payload again is cheaper than combining.
std::uint32_t extend_known(std::uint32_t crc, std::string_view payload, std::uint32_t payload_own) {
  constexpr std::size_t kShort = 4096;
  return payload.size() < kShort ? crc32c_extend(crc, payload)
                                 : crc32c_combine(crc, payload_own, payload.size());
}

std::uint32_t chain_of(std::uint32_t chain_before, const FrameHeader& header,
                       std::string_view payload, std::uint32_t payload_own) {
  char raw[4 + kChainAt - kSharedAt];
  store(raw, chain_before);
  put_shared(header, raw + 4);
  return extend_known(crc32c({raw, sizeof raw}), payload, payload_own);
}

std::uint32_t header_crc_of(const char* header, FramePlace place) {
  return crc32c_extend(seed_of(place), {header + kPayloadCrcAt, kFrameHeaderBytes - kPayloadCrcAt});
}

bool parse_number(std::string_view text, std::uint64_t& value) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string to_string(const Uuid& uuid) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : uuid) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void put_uuid(ByteWriter& out, const Uuid& uuid) {
  out.put_bytes({reinterpret_cast<const char*>(uuid.data()), uuid.size()});
}

Uuid take_uuid(ByteReader& in) {
  Uuid uuid{};
  const std::string_view bytes = in.take_bytes(uuid.size());
  std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return uuid;
}

// [magic 8][version u32][header size u32][incompatible u32][read-only u32][cluster_id 16][salt
// u64][sequence u64] [first_lsn u64][term u64][commit_time_ms i64][chain u32][zeros][crc32c of all
// before it u32]
std::string encode_segment_header(const SegmentHeader& header) {
  ByteWriter writer;
  writer.put_bytes(kSegmentMagic)
      .put(kFormatVersion)
      .put(static_cast<std::uint32_t>(kSegmentHeaderBytes));
  writer.put(header.incompatible_flags).put(header.read_only_flags);
  writer.put_bytes(
      {reinterpret_cast<const char*>(header.cluster_id.data()), header.cluster_id.size()});
  writer.put(header.salt)
      .put(header.sequence)
      .put(header.first_lsn)
      .put(header.term)
      .put(header.commit_time_ms);
  writer.put(header.chain);
  std::string bytes = writer.take();
  bytes.resize(kSegmentHeaderBytes, '\0');
  store(bytes.data() + kSegmentHeaderBytes - 4, crc32c({bytes.data(), kSegmentHeaderBytes - 4}));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes)
    return Error{ErrorCode::corrupt, "the segment header is cut short"};
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  if (bytes.substr(0, kSegmentMagic.size()) != kSegmentMagic) {
    return Error{ErrorCode::corrupt, "this is no segment of a kimdb log"};
  }
  if (crc32c(bytes.substr(0, kSegmentHeaderBytes - 4)) !=
      load<std::uint32_t>(bytes.data() + kSegmentHeaderBytes - 4)) {
    return Error{ErrorCode::corrupt, "the segment header does not check"};
  }
  ByteReader reader(bytes.substr(kSegmentMagic.size()));
  const auto version = reader.take<std::uint32_t>();
  const auto header_size = reader.take<std::uint32_t>();
  SegmentHeader header;
  header.incompatible_flags = reader.take<std::uint32_t>();
  header.read_only_flags = reader.take<std::uint32_t>();
  if (version != kFormatVersion || header_size != kSegmentHeaderBytes ||
      header.incompatible_flags != 0) {
    return Error{ErrorCode::unsupported,
                 "log format version " + std::to_string(version) + ", features " +
                     std::to_string(header.incompatible_flags) + ": this build reads version " +
                     std::to_string(kFormatVersion) + "; use a newer kimdb"};
  }
  std::memcpy(header.cluster_id.data(), reader.take_bytes(16).data(), 16);
  header.salt = reader.take<std::uint64_t>();
  header.sequence = reader.take<std::uint64_t>();
  header.first_lsn = reader.take<Lsn>();
  header.term = reader.take<std::uint64_t>();
  header.commit_time_ms = reader.take<std::int64_t>();
  header.chain = reader.take<std::uint32_t>();
  return header;
}

void seal_frame(FrameHeader& header, std::string_view payload, std::uint32_t chain_before,
                FramePlace place, char* out) {
  KIMDB_CHECK(payload.size() <= kPayloadBytesMax);
  header.payload_size = static_cast<std::uint32_t>(payload.size());
  const std::uint32_t payload_own = crc32c(payload);
  header.payload_crc = extend_known(seed_of(place), payload, payload_own);
  header.chain =
      header.is_watermark() ? chain_before : chain_of(chain_before, header, payload, payload_own);
  store(out, kFrameMagic);
  store(out + kPayloadCrcAt, header.payload_crc);
  store(out + 12, std::uint32_t{0});
  store(out + 16, header.durable_lsn);
  put_shared(header, out + kSharedAt);
  store(out + kChainAt, header.chain);
  store(out + kHeaderCrcAt, header_crc_of(out, place));
}

std::optional<FrameHeader> decode_frame_header(std::string_view bytes, FramePlace place) {
  if (bytes.size() < kFrameHeaderBytes || load<std::uint32_t>(bytes.data()) != kFrameMagic)
    return std::nullopt;
  const char* in = bytes.data();
  if (load<std::uint32_t>(in + kHeaderCrcAt) != header_crc_of(in, place)) return std::nullopt;
  FrameHeader header;
  header.payload_crc = load<std::uint32_t>(in + kPayloadCrcAt);
  header.durable_lsn = load<Lsn>(in + 16);
  header.first_lsn = load<Lsn>(in + kSharedAt);
  header.term = load<std::uint64_t>(in + kSharedAt + 8);
  header.committed_lsn = load<Lsn>(in + kSharedAt + 16);
  header.commit_time_ms = load<std::int64_t>(in + kSharedAt + 24);
  header.count = load<std::uint32_t>(in + kSharedAt + 32);
  header.payload_size = load<std::uint32_t>(in + kSharedAt + 36);
  header.flags = load<std::uint32_t>(in + kSharedAt + 40);
  header.chain = load<std::uint32_t>(in + kChainAt);
  if (header.payload_size > kPayloadBytesMax || header.is_watermark() != (header.count == 0))
    return std::nullopt;
  return header;
}

bool may_be_frame(const char* bytes) { return load<std::uint32_t>(bytes) == kFrameMagic; }

bool payload_checks(const FrameHeader& header, std::string_view payload, FramePlace place) {
  return payload.size() == header.payload_size &&
         crc32c_extend(seed_of(place), payload) == header.payload_crc;
}

std::uint32_t next_chain(std::uint32_t chain_before, const FrameHeader& header,
                         std::string_view payload) {
  if (header.is_watermark()) return chain_before;
  return chain_of(chain_before, header, payload, crc32c(payload));
}

void put_record_length(char* out, std::uint32_t length) { store(out, length); }

std::optional<std::string_view> take_record(std::string_view& payload) {
  if (payload.size() < kRecordLengthBytes) return std::nullopt;
  const auto length = load<std::uint32_t>(payload.data());
  if (payload.size() - kRecordLengthBytes < length) return std::nullopt;
  const std::string_view record = payload.substr(kRecordLengthBytes, length);
  payload.remove_prefix(kRecordLengthBytes + length);
  return record;
}

std::string encode_term_record(const TermRecord& record) {
  ByteWriter writer;
  writer.put(record.term);
  writer.put_bytes({reinterpret_cast<const char*>(record.node_id.data()), record.node_id.size()});
  return writer.take();
}

std::optional<TermRecord> decode_term_record(std::string_view bytes) {
  ByteReader reader(bytes);
  TermRecord record;
  record.term = reader.take<std::uint64_t>();
  const std::string_view node_id = reader.take_bytes(record.node_id.size());
  if (!reader.ok() || !reader.rest().empty()) return std::nullopt;
  std::memcpy(record.node_id.data(), node_id.data(), node_id.size());
  return record;
}

std::string to_file_name(const SegmentName& name) {
  return std::to_string(name.sequence) + "-" + std::to_string(name.first_lsn) + ".wal";
}

std::optional<SegmentName> parse_segment_name(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".wal";
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  file_name.remove_suffix(kSuffix.size());
  const std::size_t dash = file_name.find('-');
  SegmentName name;
  if (dash == std::string_view::npos || !parse_number(file_name.substr(0, dash), name.sequence) ||
      !parse_number(file_name.substr(dash + 1), name.first_lsn)) {
    return std::nullopt;
  }
  return name;
}

}  // namespace kimdb::wal
