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
#include "wal/format.h"

namespace kimdb::wal {

constexpr std::size_t kMetaSlotBytes = 4096;
constexpr std::size_t kMetaBytes = 2 * kMetaSlotBytes;

struct TermStart {
  std::uint64_t term = 0;
  Lsn first_lsn = 0;  // of the term's first frame
  bool operator==(const TermStart&) const = default;
};

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

// Begins `term` at `first_lsn`: entries that begin at or behind it are taken back.
void begin_term(Meta& meta, std::uint64_t term, Lsn first_lsn);

// One slot.
std::string encode_meta(const Meta& meta);
// The newest slot of META's kMetaBytes that checks; corrupt where none does, unsupported for
// another format.
Result<Meta> decode_meta(std::string_view bytes);

}  // namespace kimdb::wal
