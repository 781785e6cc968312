// Goes through a collection's entries (documents, or a typed table's rows) as of one LSN in the
// order of their keys, in steps that each hold one partition's lock for well below a millisecond at
// a time. Each entry that stood at that LSN is visited exactly once, whatever happens in between.
//
// How: each partition gives its next entries, which are merged. Under its lock a partition walks a
// piece of its keys; of what is current, it gives what no later record wrote, and between these
// what stood there at the LSN and was replaced since, which it takes from its undo list. What is
// replaced behind the piece's end is found there by a later piece; what is replaced before it has
// been given already.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace kimdb::engine {

class KeyOrderScan {
 public:
  // Of keys from `begin` on and before `end` (empty: no end), of a view that outlives the scan.
  KeyOrderScan(Engine& engine, const ReadView& view, std::uint8_t keyspace, std::string collection,
               std::string begin, std::string end, bool backwards)
      : engine_(engine),
        view_(view),
        keyspace_(keyspace),
        collection_(std::move(collection)),
        begin_(std::move(begin)),
        end_(std::move(end)),
        backwards_(backwards),
        sources_(engine.partition_count()) {
    const bool nothing = !end_.empty() && end_ <= begin_;
    for (Source& source : sources_)
      if (!nothing) to_fill_.push_back(&source);
  }

  KeyOrderScan(const KeyOrderScan&) = delete;
  KeyOrderScan& operator=(const KeyOrderScan&) = delete;

  // Calls visit(const Entry&) for some entries, those first that wanted(const Entry&) accepts,
  // which is called under a lock. False, and nothing visited, at the end, or where the view is
  // outdated.
  template <class Wanted, class Visit>
  bool step(Wanted&& wanted, Visit&& visit);

 private:
  static constexpr std::size_t kStepEntries = 256;
  // Pieces grow: who wants few entries should not take many.
  static constexpr std::size_t kFirstPiece = 8;
  static constexpr std::size_t kPieceMax = 256;
  static constexpr std::size_t kPieceBytes = 256 << 10;
  static constexpr std::size_t kAhead = 8;

  using Entries = Collection::Entries;

  // What a partition gives.
  struct Source {
    std::vector<const Entry*> piece;
    std::size_t next = 0;  // of it
    std::size_t size = kFirstPiece;
    std::string last_key;  // keys up to this one were given
    bool has_begun = false;
    bool done = false;           // nothing follows the piece
    std::uint64_t undo_end = 0;  // versions before it are known
    // What stood at the LSN, is not current any more, and was not given yet.
    std::map<std::string_view, const Entry*> replaced;
  };

  bool before(std::string_view a, std::string_view b) const { return backwards_ ? b < a : a < b; }
  // For a heap: the source whose entry comes first is the largest.
  auto later() const {
    return [this](const Source* a, const Source* b) {
      return before(b->piece[b->next]->key(), a->piece[a->next]->key());
    };
  }
  // The next piece, which is empty where nothing in it is wanted, or it is not known yet what was
  // replaced; false where the view is outdated.
  template <class Wanted>
  bool take_piece(Source& source, Wanted& wanted);
  template <class Wanted>
  void walk(const Partition& partition, Source& source, Wanted& wanted);
  template <class Wanted>
  void take_replaced(const Partition& partition, Source& source, Wanted& wanted);
  void merge_replaced(Source& source);

  Engine& engine_;
  const ReadView& view_;
  const std::uint8_t keyspace_;
  const std::string collection_;
  const std::string begin_;
  const std::string end_;
  const bool backwards_;
  std::vector<Source> sources_;  // by partition
  std::vector<Source*> to_fill_;
  std::vector<Source*> heap_;  // of those that have something
};

template <class Wanted, class Visit>
bool KeyOrderScan::step(Wanted&& wanted, Visit&& visit) {
  while (!to_fill_.empty()) {
    Source& source = *to_fill_.back();
    if (!take_piece(source, wanted)) return false;
    if (source.piece.empty() && !source.done) return true;
    to_fill_.pop_back();
    if (source.piece.empty()) continue;
    heap_.push_back(&source);
    std::push_heap(heap_.begin(), heap_.end(), later());
  }
  if (heap_.empty()) return false;
  for (std::size_t count = 0; count < kStepEntries && !heap_.empty(); ++count) {
    std::pop_heap(heap_.begin(), heap_.end(), later());
    Source& source = *heap_.back();
    visit(*source.piece[source.next++]);
    if (source.next < source.piece.size()) {
      std::push_heap(heap_.begin(), heap_.end(), later());
      continue;
    }
    heap_.pop_back();
    if (source.done) continue;
    to_fill_.push_back(&source);
    break;
  }
  return true;
}

template <class Wanted>
bool KeyOrderScan::take_piece(Source& source, Wanted& wanted) {
  source.piece.clear();
  source.next = 0;
  Partition& partition = engine_.partition(static_cast<std::size_t>(&source - sources_.data()));
  MutexLock lock(partition.mutex());
  if (view_.is_outdated()) return false;
  take_replaced(partition, source, wanted);
  if (source.undo_end < partition.undo().end()) return true;
  walk(partition, source, wanted);
  merge_replaced(source);
  return true;
}

// Some of the versions that came into the undo list since the last piece.
template <class Wanted>
void KeyOrderScan::take_replaced(const Partition& partition, Source& source, Wanted& wanted) {
  source.undo_end = partition.undo().for_some_at(
      view_.lsn(), source.undo_end, [&](const UndoList::Version& version) {
        if (version.keyspace != keyspace_ || !version.entry) return;
        const std::string_view key = version.entry->key();
        if (collection_of(keyspace_, key) != collection_ || key < begin_ ||
            (!end_.empty() && key >= end_))
          return;
        const bool given = source.has_begun && !before(source.last_key, key);
        if (!given && wanted(*version.entry)) source.replaced.emplace(key, version.entry.get());
      });
}

template <class Wanted>
void KeyOrderScan::walk(const Partition& partition, Source& source, Wanted& wanted) {
  source.done = true;
  const Collection* collection = partition.collections(keyspace_).find(collection_);
  if (collection == nullptr) return;
  const Entries& entries = collection->entries();
  // From `position` on, or backwards from the one before it.
  const auto lower = [&](std::string_view key) { return entries.lower_bound(key); };
  const auto first = backwards_ || !source.has_begun
                         ? lower(begin_)
                         : entries.upper_bound(std::string_view(source.last_key));
  const auto last = backwards_ && source.has_begun ? lower(source.last_key)
                    : end_.empty()                 ? entries.end()
                                                   : lower(end_);
  auto position = backwards_ ? last : first;
  const auto stop = backwards_ ? first : last;
  auto ahead = position;
  // The entry that follows, or precedes, `at`, which moves there.
  const auto take = [&](Entries::Position& at) {
    if (backwards_) return entries[at = entries.previous(at)];
    const Entry* const entry = entries[at];
    at = entries.next(at);
    return entry;
  };
  const auto prefetch = [&] {
    if (ahead != stop) take(ahead)->prefetch();
  };
  for (std::size_t i = 0; i < kAhead; ++i) prefetch();
  const Entry* entry = nullptr;
  std::size_t bytes = 0;
  for (std::size_t count = 0; position != stop && count < source.size && bytes < kPieceBytes;
       ++count) {
    prefetch();
    entry = take(position);
    bytes += entry->value().size();
    if (entry->lsn() <= view_.lsn() && wanted(*entry)) source.piece.push_back(entry);
  }
  source.size = std::min(2 * source.size, kPieceMax);
  if (position == stop) return;
  source.done = false;
  source.has_begun = true;
  source.last_key = entry->key();
}

// Into the piece what belongs between its entries, and before its end.
inline void KeyOrderScan::merge_replaced(Source& source) {
  const std::size_t current = source.piece.size();
  const auto take = [&](auto at) {
    source.piece.push_back(at->second);
    return source.replaced.erase(at);
  };
  const auto belongs = [&](std::string_view key) {
    return source.done || !before(source.last_key, key);
  };
  if (!backwards_) {
    for (auto at = source.replaced.begin(); at != source.replaced.end() && belongs(at->first);)
      at = take(at);
  } else {
    while (!source.replaced.empty()) {
      const auto at = std::prev(source.replaced.end());
      if (!belongs(at->first)) break;
      take(at);
    }
  }
  std::inplace_merge(source.piece.begin(),
                     source.piece.begin() + static_cast<std::ptrdiff_t>(current),
                     source.piece.end(),
                     [this](const Entry* a, const Entry* b) { return before(a->key(), b->key()); });
}

}  // namespace kimdb::engine
