// A segment of a Table: groups of 16 slots with open addressing, 7 bits of each hash in a control
// byte.
//
//   [depth, groups_log2, used, filled][control: 16 bytes a group][slots: 16 Entry* a group]
//
// An entry lies in its home group (bits 8 to 23 of the hash, the highest first, so that doubling
// the groups refines the order) or, where that was full, in the next with room, cyclically. A
// lookup ends at the first group with an empty slot. Only Table uses this.
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

#include "engine/entry.h"

namespace kimdb::engine {

struct Segment {
  static constexpr unsigned kGroupSlots = 16;
  static constexpr std::uint8_t kEmpty = 0x80;
  static constexpr std::uint8_t kDeleted = 0xfe;

  std::uint32_t used = 0;    // slots with an entry
  std::uint32_t filled = 0;  // and those marked deleted
  std::uint8_t depth;        // how many bits of the directory's index all hashes here share
  std::uint8_t groups_log2;

  static Segment* make(unsigned depth, unsigned groups_log2) {
    void* memory = std::malloc(memory_for(groups_log2));
    if (memory == nullptr) throw std::bad_alloc();
    auto* segment = new (memory) Segment;
    segment->depth = static_cast<std::uint8_t>(depth);
    segment->groups_log2 = static_cast<std::uint8_t>(groups_log2);
    std::memset(segment->control(), kEmpty, kGroupSlots << groups_log2);
    return segment;
  }
  static void destroy(Segment* segment) { std::free(segment); }

  static std::size_t memory_for(unsigned groups_log2) {
    return kHeaderSize + (std::size_t{kGroupSlots} << groups_log2) * (1 + sizeof(Entry*));
  }
  std::size_t memory() const { return memory_for(groups_log2); }
  std::size_t groups() const { return std::size_t{1} << groups_log2; }
  std::size_t capacity() const { return std::size_t{kGroupSlots} << groups_log2; }
  bool full() const { return filled >= capacity() - capacity() / 8; }

  std::uint8_t* control() { return reinterpret_cast<std::uint8_t*>(this) + kHeaderSize; }
  const std::uint8_t* control() const { return const_cast<Segment*>(this)->control(); }
  Entry** slots() { return reinterpret_cast<Entry**>(control() + capacity()); }
  Entry* const* slots() const { return const_cast<Segment*>(this)->slots(); }

  std::size_t home_group(std::uint64_t hash) const {
    return ((hash >> 8) & 0xffff) >> (16 - groups_log2);
  }
  static std::uint8_t fingerprint(std::uint64_t hash) { return hash & 0x7f; }

  // One bit for each slot of the group whose control byte equals `byte`.
  unsigned match(std::size_t group, std::uint8_t byte) const {
    const std::uint8_t* bytes = control() + group * kGroupSlots;
#if defined(__SSE2__)
    const __m128i loaded = _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_cmpeq_epi8(loaded, _mm_set1_epi8(static_cast<char>(byte)))));
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < kGroupSlots; ++i) bits |= static_cast<unsigned>(bytes[i] == byte) << i;
    return bits;
#endif
  }

  // Calls visit(slot index) for each slot that may hold an entry with this hash, until it returns
  // true. Returns that slot's index, or capacity().
  template <class Visit>
  std::size_t probe(std::uint64_t hash, Visit&& visit) const {
    const std::size_t mask = groups() - 1;
    std::size_t group = home_group(hash);
    for (std::size_t step = 0; step <= mask; ++step, group = (group + 1) & mask) {
      for (unsigned bits = match(group, fingerprint(hash)); bits != 0; bits &= bits - 1) {
        const std::size_t index =
            group * kGroupSlots + static_cast<std::size_t>(std::countr_zero(bits));
        if (visit(index)) return index;
      }
      if (match(group, kEmpty) != 0) break;
    }
    return capacity();
  }

  // Puts an entry that is not there into the first free slot of its probe sequence. There must be
  // an empty one.
  void place(Entry* entry, std::uint64_t hash) {
    const std::size_t mask = groups() - 1;
    for (std::size_t group = home_group(hash);; group = (group + 1) & mask) {
      const unsigned empty = match(group, kEmpty);
      const unsigned free = empty | match(group, kDeleted);
      if (free == 0) continue;
      const std::size_t index =
          group * kGroupSlots + static_cast<std::size_t>(std::countr_zero(free));
      if (control()[index] == kEmpty) ++filled;
      ++used;
      control()[index] = fingerprint(hash);
      slots()[index] = entry;
      return;
    }
  }

  // Frees a slot. It becomes empty where no probe sequence can have passed its group, else it is
  // marked.
  void vacate(std::size_t index) {
    --used;
    if (match(index / kGroupSlots, kEmpty) != 0) {
      control()[index] = kEmpty;
      --filled;
    } else {
      control()[index] = kDeleted;
    }
  }

 private:
  static constexpr std::size_t kHeaderSize = 16;  // keeps the control bytes aligned to 16
};

}  // namespace kimdb::engine
