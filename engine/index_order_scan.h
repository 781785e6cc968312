// Goes through the rows of a typed table as of one LSN in the order of the keys of one of its
// indexes, and under one key in the order of their own: each row that stood at that LSN within a
// range of these keys is visited exactly once, whatever happens in between. Steps hold one lock at
// a time, well below a millisecond.
//
// How: the index holds what is current. A step takes some of its keys, and looks up which rows are
// still those of the LSN. What was changed since stands elsewhere in the index, or not at all: it
// is in the partitions' undo lists, looked through behind that, and given where its key at the LSN
// belongs. So whoever is missed in the index was changed before, and is found there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/index.h"
#include "engine/index_plan.h"

namespace kimdb::engine {

class IndexOrderScan {
 public:
  // Of a typed table's index that is complete, not by hash; it and the view outlive the scan.
  IndexOrderScan(Engine& engine, const ReadView& view, const Index& index, KeyRange range,
                 bool backwards)
      : engine_(engine),
        view_(view),
        index_(index),
        range_(std::move(range)),
        backwards_(backwards),
        undo_ends_(engine.partition_count()),
        replaced_(Before{backwards}) {
    // The view's LSN may have been drawn by one who has not changed the index yet.
    engine.await_writers();
  }

  IndexOrderScan(const IndexOrderScan&) = delete;
  IndexOrderScan& operator=(const IndexOrderScan&) = delete;

  // Calls visit(key in the index, const Entry&) for some rows, of those that wanted(const Entry&)
  // accepts. False, and nothing visited, at the end, or where the view is outdated.
  template <class Wanted, class Visit>
  bool step(Wanted&& wanted, Visit&& visit);

 private:
  // Steps grow: who wants few rows should not take many keys.
  static constexpr std::size_t kFirstStepKeys = 32;
  static constexpr std::size_t kStepKeysMax = 256;

  // The row's key points into its entry.
  struct Position {
    std::string key;
    std::string_view row_key;
  };
  struct Before {
    bool backwards = false;
    bool operator()(const Position& a, const Position& b) const {
      const int order = a.key.compare(b.key);
      const int whole = order != 0 ? order : a.row_key.compare(b.row_key);
      return backwards ? whole > 0 : whole < 0;
    }
  };

  bool in_range(std::string_view key) const {
    return key >= range_.begin && (range_.end.empty() || key < range_.end);
  }
  // Versions that came into the undo lists since the last step; false where the view is outdated.
  template <class Wanted>
  bool take_replaced(Wanted& wanted);

  Engine& engine_;
  const ReadView& view_;
  const Index& index_;
  const KeyRange range_;
  const bool backwards_;
  std::size_t step_keys_ = kFirstStepKeys;
  std::vector<std::uint64_t> undo_ends_;  // by partition: versions before are known
  std::vector<Index::Found> found_;
  std::vector<KeyLookup> lookups_;
  std::vector<const Entry*> taken_;
  // All rows up to this one were given.
  Index::Found last_;
  bool has_begun_ = false;
  bool done_ = false;
  // What stood at the LSN, is not current any more, and was not given yet.
  std::map<Position, const Entry*, Before> replaced_;
};

template <class Wanted, class Visit>
bool IndexOrderScan::step(Wanted&& wanted, Visit&& visit) {
  if (done_) return false;
  found_.clear();
  const bool more = index_.find({.begin = range_.begin,
                                 .end = range_.end,
                                 .last = has_begun_ ? &last_ : nullptr,
                                 .backwards = backwards_},
                                step_keys_, found_);
  step_keys_ = std::min(2 * step_keys_, kStepKeysMax);
  lookups_.resize(found_.size());
  for (std::size_t i = 0; i < found_.size(); ++i) lookups_[i].key = found_[i].document_key;
  engine_.find(index_.definition().keyspace, view_, lookups_);
  if (!take_replaced(wanted)) return false;
  if (more) last_ = found_.back();
  has_begun_ = has_begun_ || more;
  done_ = !more;

  const Before before{backwards_};
  const auto give_replaced = [&] {
    const auto first = replaced_.begin();
    visit(std::string_view(first->first.key), *first->second);
    replaced_.erase(first);
  };
  for (std::size_t i = 0; i < found_.size(); ++i) {
    // Else it is among those that were replaced, or came later.
    if (!lookups_[i].is_current) continue;
    const Entry& entry = *lookups_[i].entry;
    Position here{std::move(found_[i].key), entry.key()};
    while (!replaced_.empty() && before(replaced_.begin()->first, here)) give_replaced();
    // It was replaced after it was looked up.
    if (!replaced_.empty() && !before(here, replaced_.begin()->first))
      replaced_.erase(replaced_.begin());
    if (wanted(entry)) visit(std::string_view(here.key), entry);
  }
  const Position end{last_.key, last_.document_key};
  while (!replaced_.empty() && (done_ || !before(end, replaced_.begin()->first))) give_replaced();
  return true;
}

template <class Wanted>
bool IndexOrderScan::take_replaced(Wanted& wanted) {
  const IndexDefinition& definition = index_.definition();
  taken_.clear();
  for (std::size_t i = 0; i < undo_ends_.size(); ++i) {
    Partition& partition = engine_.partition(i);
    for (bool more = true; more;) {
      MutexLock lock(partition.mutex());
      if (view_.is_outdated()) return false;
      undo_ends_[i] = partition.undo().for_some_at(
          view_.lsn(), undo_ends_[i], [&](const UndoList::Version& version) {
            if (version.keyspace == definition.keyspace && version.entry &&
                collection_of(definition.keyspace, version.entry->key()) == definition.collection)
              taken_.push_back(version.entry.get());
          });
      more = undo_ends_[i] < partition.undo().end();
    }
  }
  const Before before{backwards_};
  const Position given{last_.key, last_.document_key};
  for (const Entry* entry : taken_)
    for (std::string& key : definition.row_keys(entry->value())) {
      Position position{std::move(key), entry->key()};
      const bool passed = has_begun_ && !before(given, position);
      if (in_range(position.key) && !passed && wanted(*entry))
        replaced_.emplace(std::move(position), entry);
    }
  return true;
}

}  // namespace kimdb::engine
