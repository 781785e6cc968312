// A segment of an EntryTable: an array of groups of 14 entries with open addressing. Only that uses
// this.
//
//   group   [control: 14 x u8][overflow u8][u8][slots: 14 x u64]     two cache lines
//
//   control   0: empty, else 0x80 and 7 bits of the hash; all 14 are compared at once
//   overflow  how many entries passed this group because it was full; a search ends where it is 0.
//             255 stays 255 until the groups are arranged anew
//   slot      [16 bits of the hash][48 bits: Entry*], so that nothing but a search that found its
//             key reads the entry: arranging the groups anew touches no entry
//
// This is F14's group (Meta's folly/container/detail/F14Table.h): removing leaves no mark behind,
// as it takes back what the entry added to the overflow counts.
//
// Entries lie by the order of their hashes. The order (below) of a hash begins with the bits that
// are equal in the whole segment, `depth` of them; the next 8 name one of 256 buckets, and each
// group is home to a range of buckets. An entry whose home is full lies in the next group with
// room, cyclically.
//
//   order of a hash   [depth bits: the segment][8: bucket]...
//                     [8 * k bits][16: kept in the slot ]...     k = depth / 8, rounded down
//
// So the slot says the bucket of its entry, and in which half it comes when the segment is split,
// until the depth passes the next multiple of 8.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/check.h"
#include "engine/entry.h"

namespace kimdb::engine {

struct alignas(64) Group {
  static constexpr unsigned kSlots = 14;
  static constexpr std::uint8_t kOverflowMax = 255;

  std::uint8_t control[kSlots];
  std::uint8_t overflow;
  std::uint8_t unused;
  std::uint64_t slots[kSlots];

  Entry* entry(unsigned slot) const {
    return reinterpret_cast<Entry*>(slots[slot] & ((std::uint64_t{1} << 48) - 1));
  }
  std::uint16_t tag(unsigned slot) const { return static_cast<std::uint16_t>(slots[slot] >> 48); }
  void set(unsigned slot, std::uint16_t tag, Entry* entry) {
    const auto address = reinterpret_cast<std::uintptr_t>(entry);
    KIMDB_CHECK(address >> 48 == 0);
    slots[slot] = std::uint64_t{tag} << 48 | address;
  }

  // One bit for each slot whose control byte equals `byte`; for each that holds an entry.
  unsigned match(std::uint8_t byte) const {
#if defined(__SSE2__)
    const __m128i equal = _mm_cmpeq_epi8(load(), _mm_set1_epi8(static_cast<char>(byte)));
    return static_cast<unsigned>(_mm_movemask_epi8(equal)) & kAllSlots;
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < kSlots; ++i) bits |= static_cast<unsigned>(control[i] == byte) << i;
    return bits;
#endif
  }
  unsigned occupied() const {
#if defined(__SSE2__)
    return static_cast<unsigned>(_mm_movemask_epi8(load())) & kAllSlots;
#else
    return match(0) ^ kAllSlots;
#endif
  }

  static constexpr unsigned kAllSlots = (1u << kSlots) - 1;

 private:
#if defined(__SSE2__)
  __m128i load() const { return _mm_load_si128(reinterpret_cast<const __m128i*>(this)); }
#endif
};
static_assert(sizeof(Group) == 128);

// Lies in the directory of its table. Copies stand there where a segment has several places; only
// the first one's `used` counts.
struct Segment {
  Group* groups = nullptr;
  std::uint32_t used = 0;  // slots with an entry
  std::uint16_t group_count = 0;
  std::uint8_t depth = 0;

  static constexpr unsigned kBuckets = 256;

  // Where an entry lies; no group: nowhere.
  struct Place {
    Group* group = nullptr;
    unsigned slot = 0;
    explicit operator bool() const { return group != nullptr; }
  };

  static Segment make(unsigned depth, std::size_t group_count) {
    Segment segment;
    void* memory = std::aligned_alloc(alignof(Group), group_count * sizeof(Group));
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, group_count * sizeof(Group));
    segment.groups = static_cast<Group*>(memory);
    segment.group_count = static_cast<std::uint16_t>(group_count);
    segment.depth = static_cast<std::uint8_t>(depth);
    return segment;
  }
  void destroy() { std::free(groups); }

  static std::size_t limit_for(std::size_t group_count) {
    return group_count * (Group::kSlots * 7) / 8;
  }
  bool full() const { return used >= limit_for(group_count); }
  std::size_t memory() const { return group_count * sizeof(Group); }

  static std::uint8_t fingerprint(std::uint64_t hash) {
    return static_cast<std::uint8_t>(0x80 | hash);
  }
  std::uint16_t tag(std::uint64_t order) const {
    return static_cast<std::uint16_t>(order << (depth & ~7u) >> 48);
  }
  unsigned bucket(std::uint64_t order) const { return static_cast<unsigned>(order << depth >> 56); }
  unsigned bucket_of_tag(std::uint16_t tag) const {
    return static_cast<std::uint8_t>(tag << (depth & 7) >> 8);
  }
  // The bit behind the first `depth` ones: the half of this segment that it comes into at a split.
  unsigned half_of_tag(std::uint16_t tag) const { return tag >> (15 - (depth & 7)) & 1; }
  std::size_t home(unsigned bucket) const { return bucket * std::size_t{group_count} >> 8; }
  std::size_t next(std::size_t group) const { return group + 1 == group_count ? 0 : group + 1; }

  // The first entry of this order and fingerprint for which accept(Entry&) is true.
  template <class Accept>
  Place find(std::uint64_t order, std::uint8_t fingerprint, Accept&& accept) const {
    const std::uint16_t wanted = tag(order);
    std::size_t index = home(bucket(order));
    for (std::size_t step = 0; step < group_count; ++step, index = next(index)) {
      Group& group = groups[index];
      __builtin_prefetch(&group.slots[6]);  // the second cache line, while the first one comes
      for (unsigned bits = group.match(fingerprint); bits != 0; bits &= bits - 1) {
        const auto slot = static_cast<unsigned>(std::countr_zero(bits));
        if (group.tag(slot) == wanted && accept(*group.entry(slot))) return {&group, slot};
      }
      if (group.overflow == 0) break;
    }
    return {};
  }

  // Puts in an entry that is not there. A slot must be free.
  void place(std::uint16_t tag, std::uint8_t control, Entry* entry) {
    std::size_t index = home(bucket_of_tag(tag));
    unsigned occupied;
    while ((occupied = groups[index].occupied()) == Group::kAllSlots) {
      if (groups[index].overflow != Group::kOverflowMax) ++groups[index].overflow;
      index = next(index);
    }
    const auto slot = static_cast<unsigned>(std::countr_one(occupied));
    groups[index].control[slot] = control;
    groups[index].set(slot, tag, entry);
    ++used;
  }

  void vacate(const Place& place) {
    const auto last = static_cast<std::size_t>(place.group - groups);
    for (std::size_t i = home(bucket_of_tag(place.group->tag(place.slot))); i != last; i = next(i))
      if (groups[i].overflow != Group::kOverflowMax) --groups[i].overflow;
    place.group->control[place.slot] = 0;
    --used;
  }

  // Calls visit(tag, control, Entry*) for every entry.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < group_count; ++i)
      for (unsigned bits = groups[i].occupied(); bits != 0; bits &= bits - 1) {
        const auto slot = static_cast<unsigned>(std::countr_zero(bits));
        visit(groups[i].tag(slot), groups[i].control[slot], groups[i].entry(slot));
      }
  }
};

}  // namespace kimdb::engine
