#include "engine/table.h"

#include "base/check.h"

namespace kimdb::engine {

namespace {

template <class Visit>
void for_each_entry(Segment& segment, Visit&& visit) {
  for (std::size_t i = 0; i < segment.capacity(); ++i)
    if (!(segment.control()[i] & 0x80)) visit(segment.slots()[i]);
}

}  // namespace

Table::~Table() {
  for (std::size_t i = 0; i < directory_.size();) {
    Segment* segment = directory_[i];
    i += std::size_t{1} << (depth_ - segment->depth);
    for_each_entry(*segment, [](Entry* entry) { EntryDeleter{}(entry); });
    Segment::destroy(segment);
  }
}

void Table::prefetch(std::uint64_t hash) const {
  const Segment* segment = segment_of(hash);
  if (segment == nullptr) return;
  const std::size_t group = segment->home_group(hash);
  __builtin_prefetch(segment->control() + group * Segment::kGroupSlots);
  __builtin_prefetch(segment->slots() + group * Segment::kGroupSlots);
  __builtin_prefetch(segment->slots() + group * Segment::kGroupSlots + 8);
}

EntryPointer Table::put(EntryPointer entry, std::uint64_t hash) {
  if (Segment* segment = segment_of(hash)) {
    const std::size_t slot = find_slot(*segment, entry->key(), hash);
    if (slot != segment->capacity()) {
      EntryPointer replaced(segment->slots()[slot]);
      segment->slots()[slot] = entry.release();
      return replaced;
    }
  }
  insert(std::move(entry), hash);
  return nullptr;
}

void Table::insert(EntryPointer entry, std::uint64_t hash) {
  Segment* segment = segment_of(hash);
  if (segment == nullptr || segment->full()) {
    grow(hash);
    segment = segment_of(hash);
  }
  segment->place(entry.release(), hash);
  ++size_;
}

EntryPointer Table::remove(std::string_view key, std::uint64_t hash) {
  Segment* segment = segment_of(hash);
  if (segment == nullptr) return nullptr;
  const std::size_t slot = find_slot(*segment, key, hash);
  if (slot == segment->capacity()) return nullptr;
  EntryPointer removed(segment->slots()[slot]);
  segment->vacate(slot);
  --size_;
  return removed;
}

Entry* Table::sample(std::uint64_t random) const {
  if (size_ == 0) return nullptr;
  // The low half picks where to begin; from there the walk goes to the first entry there is.
  std::size_t index = static_cast<std::size_t>((random & 0xffffffff) % directory_.size());
  std::size_t start = static_cast<std::size_t>(random >> 32);
  for (;; index = (index + 1) % directory_.size(), start = 0) {
    const Segment& segment = *directory_[index];
    if (segment.used == 0) continue;
    for (std::size_t i = 0; i < segment.capacity(); ++i) {
      const std::size_t slot = (start + i) & (segment.capacity() - 1);
      if (!(segment.control()[slot] & 0x80)) return segment.slots()[slot];
    }
  }
}

void Table::grow(std::uint64_t hash) {
  if (directory_.empty()) {
    directory_.push_back(Segment::make(0, 0));
    memory_ += directory_[0]->memory() + sizeof(Segment*);
    return;
  }
  // After a split all entries may have gone to one side: again, until the side of `hash` has room.
  while (segment_of(hash)->full()) {
    const std::size_t index = directory_index(hash);
    Segment* full = directory_[index];
    if (full->used < full->capacity() * 5 / 8) {
      rebuild(full, index, full->groups_log2);  // full of deleted marks
    } else if (full->groups_log2 < kGroupsLog2Max || full->depth >= kDepthMax) {
      KIMDB_CHECK(full->groups_log2 < 16);
      rebuild(full, index, full->groups_log2 + 1u);
    } else {
      split(full, index);
    }
  }
}

void Table::rebuild(Segment* full, std::size_t index, unsigned groups_log2) {
  Segment* fresh = Segment::make(full->depth, groups_log2);
  for_each_entry(*full, [&](Entry* entry) { fresh->place(entry, hasher_(entry->key())); });
  memory_ += fresh->memory() - full->memory();
  const std::size_t first = index >> (depth_ - full->depth) << (depth_ - full->depth);
  for (std::size_t i = 0; i < std::size_t{1} << (depth_ - full->depth); ++i)
    directory_[first + i] = fresh;
  Segment::destroy(full);
}

void Table::split(Segment* full, std::size_t index) {
  if (full->depth == depth_) {  // the directory does not tell the halves apart yet: double it
    std::vector<Segment*> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    memory_ += directory_.size() * sizeof(Segment*);
    directory_ = std::move(doubled);
    ++depth_;
    index *= 2;
  }
  const unsigned depth = full->depth + 1u;
  Segment* halves[2] = {Segment::make(depth, full->groups_log2),
                        Segment::make(depth, full->groups_log2)};
  for_each_entry(*full, [&](Entry* entry) {
    const std::uint64_t hash = hasher_(entry->key());
    halves[((hash << skip_bits_) >> (64 - depth)) & 1]->place(entry, hash);
  });
  memory_ += halves[0]->memory();  // one more than before
  const std::size_t half = std::size_t{1} << (depth_ - depth);
  const std::size_t first = index / (half * 2) * (half * 2);
  for (std::size_t i = 0; i < half; ++i) {
    directory_[first + i] = halves[0];
    directory_[first + half + i] = halves[1];
  }
  Segment::destroy(full);
}

}  // namespace kimdb::engine
