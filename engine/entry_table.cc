#include "engine/entry_table.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "base/check.h"

namespace kimdb::engine {

namespace {

// The sizes a segment grows through. The larger ones, with the bytes that aligning may take, fill a
// size class of mimalloc and jemalloc (4, 5, 6, 8 KiB).
constexpr std::size_t kGroupCounts[] = {1, 2, 3, 5, 7, 11, 15, 23, 31, 39, 47, 63};
constexpr std::size_t kGroupCountMax = 63;

std::size_t next_group_count(std::size_t group_count) {
  return *std::upper_bound(std::begin(kGroupCounts), std::end(kGroupCounts), group_count);
}

// Room for this many entries and some more. Past kGroupCountMax there are only segments that must
// not be split (EntryTable::depth_limit).
std::size_t group_count_for(std::size_t entries) {
  for (const std::size_t group_count : kGroupCounts)
    if (entries + entries / 8 < Segment::limit_for(group_count)) return group_count;
  std::size_t group_count = kGroupCountMax;
  while (entries > Segment::limit_for(group_count)) group_count *= 2;
  return group_count;
}

}  // namespace

void EntryTable::clear() {
  for (std::size_t i = 0; i < directory_.size();) {
    Segment segment = directory_[i];
    i += places(i);
    segment.for_each([](std::uint16_t, std::uint8_t, Entry* entry) { EntryDeleter{}(entry); });
    segment.destroy();
  }
  directory_ = {};
  depth_ = 0;
  size_ = memory_ = 0;
}

void EntryTable::prefetch(std::uint64_t hash) const {
  if (directory_.empty()) return;
  const std::uint64_t order = order_of(hash);
  const Segment& segment = directory_[directory_index(order)];
  const Group& group = segment.groups[segment.home(segment.bucket(order))];
  __builtin_prefetch(&group);
  __builtin_prefetch(&group.slots[6]);
}

void EntryTable::prefetch_entry(std::uint64_t hash) const {
  if (directory_.empty()) return;
  const std::uint64_t order = order_of(hash);
  const Segment& segment = directory_[directory_index(order)];
  const Group& group = segment.groups[segment.home(segment.bucket(order))];
  for (unsigned bits = group.match(Segment::fingerprint(hash)); bits != 0; bits &= bits - 1) {
    const auto slot = static_cast<unsigned>(std::countr_zero(bits));
    if (group.tag(slot) != segment.tag(order)) continue;
    group.entry(slot)->prefetch();
  }
}

EntryPointer EntryTable::put(EntryPointer entry, std::uint64_t hash) {
  if (const Segment::Place place = find_place(entry->key(), hash)) {
    EntryPointer replaced(place.group->entry(place.slot));
    place.group->set(place.slot, place.group->tag(place.slot), entry.release());
    return replaced;
  }
  insert(std::move(entry), hash);
  return nullptr;
}

void EntryTable::insert(EntryPointer entry, std::uint64_t hash) {
  const std::uint64_t order = order_of(hash);
  if (directory_.empty() || segment_of(order).full()) grow(order);
  Segment& segment = segment_of(order);
  segment.place(segment.tag(order), Segment::fingerprint(hash), entry.release());
  ++size_;
}

EntryPointer EntryTable::remove(std::string_view key, std::uint64_t hash) {
  const Segment::Place place = find_place(key, hash);
  if (!place) return nullptr;
  EntryPointer removed(place.group->entry(place.slot));
  const std::size_t index = first_index(directory_index(order_of(hash)));
  Segment& segment = directory_[index];
  segment.vacate(place);
  if (--size_ == 0)
    clear();
  else if (segment.group_count > 1 && segment.used < segment.group_count * Group::kSlots / 4)
    resize(index, group_count_for(segment.used));
  return removed;
}

Entry* EntryTable::sample(std::uint64_t random) const {
  if (size_ == 0) return nullptr;
  // Its bits pick a segment, a group and a slot; from there it goes to the first entry there is.
  std::size_t index = static_cast<std::size_t>((random & 0xffffffff) % directory_.size());
  unsigned slot = static_cast<unsigned>(random >> 48) % Group::kSlots;
  for (;; index = (index + 1) % directory_.size()) {
    const Segment& segment = directory_[index];
    std::size_t group = static_cast<std::size_t>(random >> 32 & 0xffff) % segment.group_count;
    for (std::size_t step = 0; step <= segment.group_count; ++step, group = segment.next(group)) {
      const unsigned from_slot = segment.groups[group].occupied() >> slot << slot;
      if (from_slot != 0)
        return segment.groups[group].entry(static_cast<unsigned>(std::countr_zero(from_slot)));
      slot = 0;
    }
  }
}

void EntryTable::grow(std::uint64_t order) {
  if (directory_.empty()) {
    directory_.push_back(Segment::make(0, 1));
    memory_ = directory_[0].memory() + sizeof(Segment);
    return;
  }
  // After a split all entries may have gone to one side: again, until that of `order` has room.
  while (segment_of(order).full()) {
    const std::size_t index = first_index(directory_index(order));
    const Segment& full = directory_[index];
    if (full.group_count < kGroupCountMax) {
      resize(index, next_group_count(full.group_count));
    } else if (full.depth < depth_limit()) {
      split(index);
    } else {
      KIMDB_CHECK(full.group_count < 1u << 15);
      resize(index, full.group_count * 2u);
    }
  }
}

// Segments are split where they lie deeper by less than two than with an even hash. That so many
// keys agree in more bits has no natural cause; the directory must not grow with the bits then, and
// the segment does.
unsigned EntryTable::depth_limit() const {
  return std::min(28u, static_cast<unsigned>(std::bit_width(size_ / 128)));
}

// `index`: the segment's first place.
void EntryTable::resize(std::size_t index, std::size_t group_count) {
  Segment old = directory_[index];
  Segment fresh = Segment::make(old.depth, group_count);
  old.for_each([&](std::uint16_t tag, std::uint8_t control, Entry* entry) {
    fresh.place(tag, control, entry);
  });
  memory_ += fresh.memory() - old.memory();
  std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(index), places(index), fresh);
  old.destroy();
}

void EntryTable::split(std::size_t index) {
  if (directory_[index].depth == depth_) {  // the directory does not tell the halves apart yet
    std::vector<Segment> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    memory_ += directory_.size() * sizeof(Segment);
    directory_ = std::move(doubled);
    ++depth_;
    index *= 2;
  }
  Segment full = directory_[index];
  const unsigned depth = full.depth + 1u;
  std::size_t second_count = 0;
  full.for_each(
      [&](std::uint16_t tag, std::uint8_t, Entry*) { second_count += full.half_of_tag(tag); });
  Segment halves[2] = {Segment::make(depth, group_count_for(full.used - second_count)),
                       Segment::make(depth, group_count_for(second_count))};
  full.for_each([&](std::uint16_t tag, std::uint8_t control, Entry* entry) {
    Segment& half = halves[full.half_of_tag(tag)];
    // The bits kept in the slots are used up: the next ones have to be computed.
    if (depth % 8 == 0) tag = half.tag(order_of(hasher_(entry->key())));
    half.place(tag, control, entry);
  });
  memory_ += halves[0].memory() + halves[1].memory() - full.memory();
  const auto first = directory_.begin() + static_cast<std::ptrdiff_t>(index);
  const auto half_places = static_cast<std::ptrdiff_t>(places(index) / 2);
  std::fill_n(first, half_places, halves[0]);
  std::fill_n(first + half_places, half_places, halves[1]);
  full.destroy();
}

}  // namespace kimdb::engine
