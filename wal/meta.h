// META: what a data directory knows about itself, in two slots that are written in turn.
//
// A slot is 4 KiB with a CRC and a rising generation; the newest one that checks counts. A write
// that is torn spoils the older slot only. The marks (durable_lsn, last_sequence, checkpoint_lsn)
// are lower bounds: an older slot is less sharp, never wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "base/result.h"
#include "wal/bytes.h"
#include "wal/format.h"

namespace kimdb::wal {

constexpr std::size_t kMetaSlotBytes = 4096;
constexpr std::size_t kMetaBytes = 2 * kMetaSlotBytes;

// Two nodes may give a term the same number (a former master and a promoted slave that know nothing
// of each other); one node never does so twice.
struct TermStart {
  std::uint64_t term = 0;
  Lsn first_lsn = 0;  // of the term's first frame
  Uuid node_id{};     // that began it
  bool operator==(const TermStart&) const = default;
};
constexpr std::size_t kTermStartBytes = 32;
void put_term_start(ByteWriter& out, const TermStart& start);
TermStart take_term_start(ByteReader& in);

struct Meta {
  std::uint64_t generation = 0;
  Uuid cluster_id{};
  Uuid node_id{};
  std::uint64_t term = 0;
  Lsn checkpoint_lsn = 0;           // the newest snapshot is exact at this LSN
  Lsn durable_lsn = 0;              // everything up to here was synced
  std::uint64_t last_sequence = 0;  // a segment with this number existed
  bool clean = false;               // stopped cleanly: durable_lsn is the end of the log
  std::vector<TermStart> history;   // rising; the oldest are dropped when a slot is full
};

// A master that starts counts its term up by one; a slave that is promoted goes on at the next
// multiple of this. So its term is higher than any that the former master gives itself by starting
// again, which the slave cannot know of.
constexpr std::uint64_t kTermsOfAPromotion = 1 << 16;
constexpr std::uint64_t term_of_promotion(std::uint64_t term) {
  return (term / kTermsOfAPromotion + 1) * kTermsOfAPromotion;
}

// Begins a term: entries that begin at or behind it are taken back.
void begin_term(Meta& meta, const TermStart& start);

// One slot.
std::string encode_meta(const Meta& meta);
// The newest slot of META's kMetaBytes that checks; corrupt where none does, unsupported for
// another format.
Result<Meta> decode_meta(std::string_view bytes);
// Whether both slots check.
bool both_slots_check(std::string_view bytes);

}  // namespace kimdb::wal
