// A hash table of entries that grows in small steps and can be walked while it changes.
//
//   directory   [0][1][2][3]          2^depth pointers, chosen by the hash's bits below the
//   partition's
//                |  |   \ /
//   segments     A  B    C            each up to 64 groups of 16 slots; a full one is split in two
//   by the next bit
//
//   segment     control bytes (16 a group: empty, deleted, or 7 bits of the hash), then the slots
//   (Entry*)
//
// Extendible hashing over open-addressed segments, as Dash (Lu et al., VLDB 2020) arranges it: no
// step ever moves more than one segment (1024 slots), so growing costs no long pause under the
// partition's lock, and memory follows the number of keys closely. Within a segment a lookup
// compares a group's 16 control bytes at once, as Abseil's Swiss tables do.
//
// Walking goes by the hash: a Position is a place in the order of hashes. Whatever grows or splits
// in between, an entry that is there all the time is seen at least once. That serves SCAN, KEYS and
// snapshots.
//
// Owns its entries. Not thread-safe: the partition's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/entry.h"
#include "engine/hash.h"
#include "engine/segment.h"

namespace kimdb::engine {

class Table {
 public:
  // `skip_bits`: how many of the hash's highest bits choose the partition and are equal for all
  // keys here.
  Table(Hasher hasher, unsigned skip_bits) : hasher_(hasher), skip_bits_(skip_bits) {}
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  std::size_t size() const { return size_; }
  // Bytes of the directory and the segments, entries not included.
  std::size_t memory() const { return memory_; }

  Entry* find(std::string_view key, std::uint64_t hash) const;
  // Brings what find(hash) will read into the cache.
  void prefetch(std::uint64_t hash) const;
  // Puts the entry in; returns the one with the same key that it replaces, if any.
  EntryPointer put(EntryPointer entry, std::uint64_t hash);
  // Puts in an entry whose key find() has just not found.
  void insert(EntryPointer entry, std::uint64_t hash);
  EntryPointer remove(std::string_view key, std::uint64_t hash);
  // The first entry with this hash that `wanted(const Entry&)` accepts.
  template <class Wanted>
  Entry* find_hash(std::uint64_t hash, Wanted&& wanted) const;

  using Position = std::uint64_t;  // 48 bits
  static constexpr Position kBegin = 0;
  static constexpr Position kEnd = Position{1} << 48;
  // Calls visit(Entry*) for the entries of one group at or after `position`; returns the position
  // behind it.
  template <class Visit>
  Position walk_group(Position position, Visit&& visit) const;

  // An entry picked with the help of 64 random bits; null where the table is empty. Every entry can
  // come, though not each with the same probability.
  Entry* sample(std::uint64_t random) const;

 private:
  static constexpr unsigned kGroupsLog2Max = 6;
  // Past this depth only keys with equal hashes are left to divide: the segment grows instead.
  static constexpr unsigned kDepthMax = 28;

  std::size_t directory_index(std::uint64_t hash) const {
    return depth_ == 0 ? 0 : static_cast<std::size_t>((hash << skip_bits_) >> (64 - depth_));
  }
  Segment* segment_of(std::uint64_t hash) const {
    return directory_.empty() ? nullptr : directory_[directory_index(hash)];
  }
  std::size_t find_slot(const Segment& segment, std::string_view key, std::uint64_t hash) const {
    return segment.probe(hash,
                         [&](std::size_t index) { return segment.slots()[index]->key() == key; });
  }
  // Makes room for one more entry with this hash.
  void grow(std::uint64_t hash);
  void split(Segment* full, std::size_t index);
  void rebuild(Segment* full, std::size_t index, unsigned groups_log2);

  Hasher hasher_;
  unsigned skip_bits_;
  unsigned depth_ = 0;
  std::vector<Segment*> directory_;  // empty until the first entry
  std::size_t size_ = 0;
  std::size_t memory_ = 0;
};

inline Entry* Table::find(std::string_view key, std::uint64_t hash) const {
  const Segment* segment = segment_of(hash);
  if (segment == nullptr) return nullptr;
  const std::size_t slot = find_slot(*segment, key, hash);
  return slot == segment->capacity() ? nullptr : segment->slots()[slot];
}

template <class Wanted>
Entry* Table::find_hash(std::uint64_t hash, Wanted&& wanted) const {
  const Segment* segment = segment_of(hash);
  if (segment == nullptr) return nullptr;
  const std::size_t slot = segment->probe(hash, [&](std::size_t index) {
    const Entry& entry = *segment->slots()[index];
    return hasher_(entry.key()) == hash && wanted(entry);
  });
  return slot == segment->capacity() ? nullptr : segment->slots()[slot];
}

// A Position is [32 bits of the hash below the partition's][the 16 bits that choose the group].
template <class Visit>
Table::Position Table::walk_group(Position position, Visit&& visit) const {
  if (directory_.empty() || position >= kEnd) return kEnd;
  const std::uint64_t prefix = position >> 16;
  const Segment& segment = *directory_[depth_ == 0 ? 0 : prefix >> (32 - depth_)];
  const unsigned group_shift = 16 - segment.groups_log2;
  const std::size_t home = (position & 0xffff) >> group_shift;
  const std::size_t mask = segment.groups() - 1;
  for (std::size_t group = home, step = 0; step <= mask; ++step, group = (group + 1) & mask) {
    const std::uint8_t* control = segment.control() + group * Segment::kGroupSlots;
    for (unsigned i = 0; i < Segment::kGroupSlots; ++i) {
      if (control[i] & 0x80) continue;
      Entry* entry = segment.slots()[group * Segment::kGroupSlots + i];
      if (segment.home_group(hasher_(entry->key())) == home) visit(entry);
    }
    if (segment.match(group, Segment::kEmpty) != 0) break;
  }
  if (home < mask) return prefix << 16 | (home + 1) << group_shift;
  const unsigned prefix_shift = 32 - segment.depth;
  return ((prefix >> prefix_shift) + 1) << prefix_shift << 16;
}

}  // namespace kimdb::engine
