// A hash table of entries that grows in small steps and can be walked while it changes.
//
//   directory   [0][1][2][3]     2^depth segments, chosen by the first bits of the hash's order
//                |  |   \ /
//   segments     A  B    C       each up to 63 groups of 14 entries; a full one is split in two by
//                                the next bit
//
// Extendible hashing over open-addressed segments, as Dash (Lu et al., VLDB 2020) arranges it: no
// step ever moves more than one segment (some 770 pointers; the entries are not touched), so
// growing costs no long pause under the partition's lock, and memory follows the number of keys
// closely, upwards and down. engine/segment.h draws a segment.
//
// The order of a hash: its bits behind those that choose the partition. Entries lie by it, and
// walking goes by it: a Position is a place in it. Whatever grows, shrinks or splits in between, an
// entry that is there all the time is seen at least once. That serves SCAN, KEYS and snapshots.
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

class EntryTable {
 public:
  static constexpr unsigned kSkipBitsMax = 12;
  // `skip_bits`: how many of the hash's highest bits choose the partition and are equal for all
  // keys here.
  EntryTable(Hasher hasher, unsigned skip_bits) : hasher_(hasher), skip_bits_(skip_bits) {}
  ~EntryTable() { clear(); }
  EntryTable(const EntryTable&) = delete;
  EntryTable& operator=(const EntryTable&) = delete;

  std::size_t size() const { return size_; }
  // Bytes of the directory and the segments, entries not included.
  std::size_t memory() const { return memory_; }

  Entry* find(std::string_view key, std::uint64_t hash) const;
  // Brings what find(hash) will read into the cache.
  void prefetch(std::uint64_t hash) const;
  // Then, when that has come: the entries that may be the one looked for.
  void prefetch_entry(std::uint64_t hash) const;
  // Puts the entry in; returns the one with the same key that it replaces, if any.
  EntryPointer put(EntryPointer entry, std::uint64_t hash);
  // Puts in an entry whose key find() has just not found.
  void insert(EntryPointer entry, std::uint64_t hash);
  EntryPointer remove(std::string_view key, std::uint64_t hash);
  // The first entry with this hash that `wanted(const Entry&)` accepts.
  template <class Wanted>
  Entry* find_hash(std::uint64_t hash, Wanted&& wanted) const;

  using Position = std::uint64_t;  // the first 48 bits of an order
  static constexpr Position kBegin = 0;
  static constexpr Position kEnd = Position{1} << 48;
  // Calls visit(Entry*) for the entries that are at home in the group at `position`; returns the
  // position behind it. `visit` must not change the table. While nothing changes the table, each
  // entry is seen once.
  template <class Visit>
  Position walk_group(Position position, Visit&& visit) const;

  // An entry picked with the help of 64 random bits; null where the table is empty. Every entry can
  // come, though not each with the same probability.
  Entry* sample(std::uint64_t random) const;

 private:
  std::uint64_t order_of(std::uint64_t hash) const { return hash << skip_bits_; }
  std::size_t directory_index(std::uint64_t order) const {
    return depth_ == 0 ? 0 : static_cast<std::size_t>(order >> (64 - depth_));
  }
  // The segment's first place in the directory, and how many it has.
  std::size_t first_index(std::size_t index) const { return index & ~(places(index) - 1); }
  std::size_t places(std::size_t index) const {
    return std::size_t{1} << (depth_ - directory_[index].depth);
  }
  Segment& segment_of(std::uint64_t order) {
    return directory_[first_index(directory_index(order))];
  }
  Segment::Place find_place(std::string_view key, std::uint64_t hash) const {
    if (directory_.empty()) return {};
    const std::uint64_t order = order_of(hash);
    return directory_[directory_index(order)].find(
        order, Segment::fingerprint(hash), [&](const Entry& entry) { return entry.key() == key; });
  }
  // Makes room for one more entry of this order.
  void grow(std::uint64_t order);
  void split(std::size_t index);
  void resize(std::size_t index, std::size_t group_count);
  unsigned depth_limit() const;
  void clear();

  Hasher hasher_;
  unsigned skip_bits_;
  unsigned depth_ = 0;
  std::vector<Segment> directory_;  // empty until the first entry
  std::size_t size_ = 0;
  std::size_t memory_ = 0;
};

inline Entry* EntryTable::find(std::string_view key, std::uint64_t hash) const {
  const Segment::Place place = find_place(key, hash);
  return place ? place.group->entry(place.slot) : nullptr;
}

template <class Wanted>
Entry* EntryTable::find_hash(std::uint64_t hash, Wanted&& wanted) const {
  if (directory_.empty()) return nullptr;
  const std::uint64_t order = order_of(hash);
  const Segment::Place place = directory_[directory_index(order)].find(
      order, Segment::fingerprint(hash),
      [&](const Entry& entry) { return hasher_(entry.key()) == hash && wanted(entry); });
  return place ? place.group->entry(place.slot) : nullptr;
}

template <class Visit>
EntryTable::Position EntryTable::walk_group(Position position, Visit&& visit) const {
  if (directory_.empty() || position >= kEnd) return kEnd;
  const std::uint64_t order = position << 16;
  const Segment& segment = directory_[directory_index(order)];
  const std::size_t home = segment.home(segment.bucket(order));
  std::size_t index = home;
  for (std::size_t step = 0; step < segment.group_count; ++step, index = segment.next(index)) {
    const Group& group = segment.groups[index];
    unsigned here = 0;
    for (unsigned bits = group.occupied(); bits != 0; bits &= bits - 1) {
      const auto slot = static_cast<unsigned>(std::countr_zero(bits));
      if (segment.home(segment.bucket_of_tag(group.tag(slot))) != home) continue;
      __builtin_prefetch(group.entry(slot));
      here |= 1u << slot;
    }
    for (; here != 0; here &= here - 1)
      visit(group.entry(static_cast<unsigned>(std::countr_zero(here))));
    if (group.overflow == 0) break;
  }
  // The first bucket of the next group, of the next segment where this was the last.
  const std::size_t next_bucket =
      ((home + 1) * Segment::kBuckets + segment.group_count - 1) / segment.group_count;
  const unsigned segment_shift = 48u - segment.depth;
  return (position >> segment_shift << segment_shift) + (next_bucket << (segment_shift - 8));
}

}  // namespace kimdb::engine
