// Goes through the entries of a keyspace as of one LSN, in steps that each hold one partition's
// lock for well below a millisecond. Each entry that stood at that LSN is visited exactly once,
// whatever happens in between, and stays as it is until the view is closed.
//
// How: a step walks some groups of a partition's table. What is there all the time is seen at least
// once; what was seen is remembered until the partition's end, when what was replaced meanwhile is
// taken from the undo list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "engine/engine.h"

namespace kimdb::engine {

class KeyScan {
 public:
  // Of a view that outlives the scan.
  KeyScan(Engine& engine, const ReadView& view, std::uint8_t keyspace)
      : engine_(engine), view_(view), keyspace_(keyspace) {}

  // Calls visit(const Entry&) for some entries, in no particular order. False, and nothing visited,
  // at the end, or where the view is outdated.
  template <class Visit>
  bool step(Visit&& visit);

 private:
  static constexpr std::size_t kStepEntries = 256;

  template <class Visit>
  void visit_once(const Entry& entry, Visit&& visit) {
    if (seen_.insert(&entry).second) visit(entry);
  }

  Engine& engine_;
  const ReadView& view_;
  const std::uint8_t keyspace_;
  std::size_t partition_ = 0;
  EntryTable::Position position_ = EntryTable::kBegin;
  std::uint64_t undo_end_ = 0;             // versions before it are known
  std::unordered_set<const Entry*> seen_;  // of this partition
};

template <class Visit>
bool KeyScan::step(Visit&& visit) {
  if (partition_ == engine_.partition_count()) return false;
  Partition& partition = engine_.partition(partition_);
  MutexLock lock(partition.mutex());
  if (view_.is_outdated()) return false;
  const EntryTable* table = partition.table(keyspace_);
  for (std::size_t looked_at = 0;
       table != nullptr && position_ < EntryTable::kEnd && looked_at < kStepEntries;)
    position_ = table->walk_group(position_, [&](const Entry* entry) {
      ++looked_at;
      if (entry->lsn() <= view_.lsn()) visit_once(*entry, visit);
    });
  if (table != nullptr && position_ < EntryTable::kEnd) return true;
  undo_end_ =
      partition.undo().for_some_at(view_.lsn(), undo_end_, [&](const UndoList::Version& version) {
        if (version.keyspace == keyspace_ && version.entry) visit_once(*version.entry, visit);
      });
  if (undo_end_ < partition.undo().end()) return true;
  ++partition_;
  undo_end_ = 0;
  position_ = EntryTable::kBegin;
  seen_.clear();
  return true;
}

}  // namespace kimdb::engine
