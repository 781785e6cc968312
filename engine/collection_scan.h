// Goes through a collection's entries (documents, or a typed table's rows) as of one LSN, partition
// by partition, in steps that each hold one partition's lock for well below a millisecond. Each
// entry that stood at that LSN is visited exactly once, whatever happens in between.
//
// How: a step visits a range of keys; of what is current, those that no later record wrote. It
// remembers the partition's last LSN. What stood at the LSN and was replaced since is in the undo
// list: it is visited at the partition's end, but for what its range's step had seen before it was
// replaced.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace kimdb::engine {

class CollectionScan {
 public:
  // Of a view that outlives the scan.
  CollectionScan(Engine& engine, const ReadView& view, std::uint8_t keyspace,
                 std::string_view collection)
      : CollectionScan(engine, &view, keyspace, collection, view.lsn()) {}
  // Of what is current, for a caller who holds all partitions' locks all the time.
  CollectionScan(Engine& engine, std::uint8_t keyspace, std::string_view collection)
      : CollectionScan(engine, nullptr, keyspace, collection, kOwnRecord) {}

  // Leaves out keys up to this one.
  void begin_behind(std::string_view key) { begin_ = std::string(key) + '\0'; }
  // Leaves out keys before `begin`, and those from `end` on (empty: none).
  void limit_to(std::string_view begin, std::string_view end) {
    begin_ = begin;
    end_ = end;
    if (!end_.empty() && end_ <= begin_) partition_ = engine_.partition_count();  // nothing
  }

  // Calls visit(const Entry&) for some entries, in no particular order; `visit` returns whether it
  // wants those of the partition behind this key, too. False, and nothing visited, at the end, or
  // where the view is outdated.
  template <class Visit>
  bool step(Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;

 private:
  static constexpr std::size_t kStepEntries = 256;
  static constexpr std::size_t kStepBytes = 256 << 10;
  // Entries lie anywhere in memory: what will be read is called for before.
  static constexpr std::size_t kAhead = 24;

  struct Range {
    std::string last_key;
    Lsn seen_at = 0;  // the partition's last LSN when it was visited
  };
  using Entries = Collection::Entries;

  CollectionScan(Engine& engine, const ReadView* view, std::uint8_t keyspace,
                 std::string_view collection, Lsn lsn)
      : engine_(engine), view_(view), keyspace_(keyspace), collection_(collection), lsn_(lsn) {}

  // False where nothing of the collection is left in the partition, or wanted.
  template <class Visit>
  bool visit_range(const Partition& partition, Visit&& visit);
  // Some of it; true where nothing is left.
  template <class Visit>
  bool visit_replaced(const Partition& partition, Visit&& visit);
  static Entries::Position prefetch(const Entries& entries, Entries::Position at) {
    entries[at]->prefetch();
    return entries.next(at);
  }

  Engine& engine_;
  const ReadView* const view_;  // null: the caller holds the locks
  const std::uint8_t keyspace_;
  const std::string collection_;
  const Lsn lsn_;
  std::string begin_;
  std::string end_;
  std::size_t partition_ = 0;
  std::vector<Range> ranges_;  // of this partition
  // Of the partition's last range, which has no end.
  bool all_visited_ = false;
  Lsn seen_at_ = 0;
  std::uint64_t undo_end_ = 0;  // versions before it are known
};

template <class Visit>
bool CollectionScan::step(Visit&& visit) {
  if (partition_ == engine_.partition_count()) return false;
  Partition& partition = engine_.partition(partition_);
  if (view_ != nullptr) partition.mutex().lock();
  const bool outdated = view_ != nullptr && view_->is_outdated();
  if (!outdated && !all_visited_ && !visit_range(partition, visit)) {
    all_visited_ = true;
    seen_at_ = partition.last_lsn();
  }
  if (!outdated && all_visited_ && visit_replaced(partition, visit)) {
    ++partition_;
    ranges_.clear();
    all_visited_ = false;
    undo_end_ = 0;
  }
  if (view_ != nullptr) partition.mutex().unlock();
  return !outdated;
}

template <class Visit>
bool CollectionScan::visit_range(const Partition& partition, Visit&& visit) {
  const Collection* collection = partition.collections(keyspace_).find(collection_);
  if (collection == nullptr) return false;
  const Entries& entries = collection->entries();
  auto position = ranges_.empty() ? entries.lower_bound(std::string_view(begin_))
                                  : entries.upper_bound(std::string_view(ranges_.back().last_key));
  const auto end = end_.empty() ? entries.end() : entries.lower_bound(std::string_view(end_));
  auto ahead = position;
  for (std::size_t i = 0; i < kAhead && ahead != end; ++i) ahead = prefetch(entries, ahead);
  std::size_t bytes = 0;
  for (std::size_t count = 0; position != end; position = entries.next(position)) {
    if (ahead != end) ahead = prefetch(entries, ahead);
    const Entry& entry = *entries[position];
    if (count == kStepEntries || bytes >= kStepBytes) break;
    bytes += entry.value().size();
    ++count;
    if (entry.lsn() <= lsn_ && !visit(entry)) return false;
  }
  if (position == end) return false;
  ranges_.push_back(
      {std::string(entries[entries.previous(position)]->key()), partition.last_lsn()});
  return true;
}

template <class Visit>
bool CollectionScan::visit_replaced(const Partition& partition, Visit&& visit) {
  undo_end_ = partition.undo().for_some_at(lsn_, undo_end_, [&](const UndoList::Version& version) {
    if (version.keyspace != keyspace_ || !version.entry) return;
    const std::string_view key = version.entry->key();
    if (collection_of(keyspace_, key) != collection_ || key < begin_ ||
        (!end_.empty() && key >= end_))
      return;
    const auto range = std::lower_bound(ranges_.begin(), ranges_.end(), key,
                                        [](const Range& candidate, std::string_view sought) {
                                          return candidate.last_key < sought;
                                        });
    if (version.replaced_at > (range == ranges_.end() ? seen_at_ : range->seen_at)) return;
    visit(*version.entry);
  });
  return undo_end_ == partition.undo().end();
}

}  // namespace kimdb::engine
