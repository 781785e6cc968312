#include "wal/meta.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/crc32c.h"
#include "wal/bytes.h"

namespace kimdb::wal {
namespace {

constexpr std::string_view kMagic = "kimdbMET";
constexpr std::size_t kFixedBytes = 112;  // of a slot before its history
constexpr std::size_t kHistoryMax = (kMetaSlotBytes - kFixedBytes - 4) / kTermStartBytes;

Result<Meta> decode_slot(std::string_view slot) {
  if (slot.substr(0, kMagic.size()) != kMagic ||
      crc32c(slot.substr(0, kMetaSlotBytes - 4)) !=
          load<std::uint32_t>(slot.data() + kMetaSlotBytes - 4)) {
    return Error{ErrorCode::corrupt, "does not check"};
  }
  ByteReader reader(slot.substr(kMagic.size()));
  const auto version = reader.take<std::uint32_t>();
  const auto flags = reader.take<std::uint32_t>();
  if (version != kFormatVersion || flags != 0) {
    return Error{ErrorCode::unsupported,
                 "format version " + std::to_string(version) + ", features " +
                     std::to_string(flags) + ": this build reads version " +
                     std::to_string(kFormatVersion) + "; use a newer kimdb"};
  }
  Meta meta;
  meta.generation = reader.take<std::uint64_t>();
  meta.cluster_id = take_uuid(reader);
  meta.node_id = take_uuid(reader);
  meta.term = reader.take<std::uint64_t>();
  meta.checkpoint_lsn = reader.take<Lsn>();
  meta.durable_lsn = reader.take<Lsn>();
  meta.last_sequence = reader.take<std::uint64_t>();
  meta.clean = reader.take<std::uint64_t>() != 0;
  reader.take<std::uint64_t>();  // free
  const auto count = reader.take<std::uint64_t>();
  if (count > kHistoryMax) return Error{ErrorCode::corrupt, "does not check"};
  for (std::uint64_t i = 0; i < count; ++i) meta.history.push_back(take_term_start(reader));
  return meta;
}

}  // namespace

void put_term_start(ByteWriter& out, const TermStart& start) {
  out.put(start.term).put(start.first_lsn);
  put_uuid(out, start.node_id);
}

TermStart take_term_start(ByteReader& in) {
  TermStart start;
  start.term = in.take<std::uint64_t>();
  start.first_lsn = in.take<Lsn>();
  start.node_id = take_uuid(in);
  return start;
}

void begin_term(Meta& meta, const TermStart& start) {
  while (!meta.history.empty() && meta.history.back().first_lsn >= start.first_lsn)
    meta.history.pop_back();
  // A former master that follows another one may have given itself a later term than the frames
  // that it gets first.
  meta.term = std::max(meta.term, start.term);
  meta.history.push_back(start);
}

std::string encode_meta(const Meta& meta) {
  const std::size_t count = std::min(meta.history.size(), kHistoryMax);
  ByteWriter writer;
  writer.put_bytes(kMagic).put(kFormatVersion).put(std::uint32_t{0}).put(meta.generation);
  put_uuid(writer, meta.cluster_id);
  put_uuid(writer, meta.node_id);
  writer.put(meta.term).put(meta.checkpoint_lsn).put(meta.durable_lsn).put(meta.last_sequence);
  writer.put(std::uint64_t{meta.clean}).put(std::uint64_t{0}).put(std::uint64_t{count});
  for (std::size_t i = meta.history.size() - count; i < meta.history.size(); ++i)
    put_term_start(writer, meta.history[i]);
  std::string slot = writer.take();
  slot.resize(kMetaSlotBytes, '\0');
  store(slot.data() + kMetaSlotBytes - 4, crc32c({slot.data(), kMetaSlotBytes - 4}));
  return slot;
}

Result<Meta> decode_meta(std::string_view bytes) {
  if (bytes.size() != kMetaBytes) {
    return Error{ErrorCode::corrupt, "has " + std::to_string(bytes.size()) + " bytes instead of " +
                                         std::to_string(kMetaBytes)};
  }
  std::optional<Meta> newest;
  Error error;
  for (int i = 0; i < 2; ++i) {
    auto slot =
        decode_slot(bytes.substr(static_cast<std::size_t>(i) * kMetaSlotBytes, kMetaSlotBytes));
    if (!slot) {
      // A slot of a newer version is not a torn one: starting on the other would lose what the
      // newer build wrote.
      if (slot.error().code == ErrorCode::unsupported) return std::move(slot).error();
      error = std::move(slot).error();
    } else if (!newest || slot->generation > newest->generation) {
      newest = std::move(*slot);
    }
  }
  if (!newest) return error;
  return std::move(*newest);
}

bool both_slots_check(std::string_view bytes) {
  return bytes.size() == kMetaBytes && decode_slot(bytes.substr(0, kMetaSlotBytes)).has_value() &&
         decode_slot(bytes.substr(kMetaSlotBytes)).has_value();
}

}  // namespace kimdb::wal
