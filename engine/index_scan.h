// Goes through the documents that an index leads to as of one LSN: each that stood at that LSN
// under one of the keys that the plan names is visited exactly once, and perhaps some more,
// whatever happens in between.
//
// How: the index holds what is current. A step takes some of its keys, and looks up what stood at
// the LSN in the documents' partitions, each of whose locks is held for one document. What was
// changed since may stand elsewhere in the index, or not at all: as the view is registered, it is
// in the partitions' undo lists, which are gone through at the end. Ids that were visited are kept.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/index_plan.h"

namespace kimdb::engine {

class IndexScan {
 public:
  // Of a view that outlives the scan, as the plan does.
  IndexScan(Engine& engine, const ReadView& view, const IndexPlan& plan)
      : IndexScan(awaited(engine), plan, view.lsn(), true) {}
  // Of what is current, for a caller who holds all partitions' locks all the time.
  IndexScan(Engine& engine, const IndexPlan& plan) : IndexScan(engine, plan, kOwnRecord, false) {}

  // The documents come in the order that the plan is sorted by, but for those of the last step.
  bool sorted() const { return sorted_; }

  // Calls visit(const Entry&) for some documents; `visit` returns whether those that follow in this
  // order are wanted, too. False, and nothing visited, at the end.
  template <class Visit>
  bool step(Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;

 private:
  // Steps grow: who wants few documents should not take many keys.
  static constexpr std::size_t kFirstStepKeys = 32;
  static constexpr std::size_t kStepKeysMax = 1024;

  // The view's LSN may have been drawn by one who has not changed the index yet.
  static Engine& awaited(Engine& engine) {
    engine.await_writers();
    return engine;
  }
  IndexScan(Engine& engine, const IndexPlan& plan, Lsn lsn, bool takes_locks)
      : engine_(engine),
        plan_(plan),
        lsn_(lsn),
        takes_locks_(takes_locks),
        multikey_(plan.index->multikey()),
        sorted_(plan.sorted && !multikey_) {}

  template <class Visit>
  bool visit_found(Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;
  template <class Visit>
  void visit_replaced(Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;

  Engine& engine_;
  const IndexPlan& plan_;
  const Lsn lsn_;
  const bool takes_locks_;
  // Of all documents that stood at the LSN: they were in the index before the view was opened.
  const bool multikey_;
  const bool sorted_;
  std::size_t range_ = 0;  // of the plan's, from the end where it is reversed
  std::size_t step_keys_ = kFirstStepKeys;
  bool resumes_ = false;  // behind last_
  bool done_ = false;
  Index::Found last_;
  std::vector<Index::Found> found_;
  std::unordered_set<std::string> seen_;  // keys of documents
};

template <class Visit>
bool IndexScan::step(Visit&& visit) {
  if (done_) return false;
  const auto& ranges = multikey_ ? plan_.ranges_of_many : plan_.ranges;
  const bool backwards = sorted_ && plan_.reversed;
  found_.clear();
  while (range_ < ranges.size() && found_.size() < step_keys_) {
    const KeyRange& range = ranges[backwards ? ranges.size() - 1 - range_ : range_];
    const bool more = plan_.index->find({.begin = range.begin,
                                         .end = range.end,
                                         .last = resumes_ ? &last_ : nullptr,
                                         .backwards = backwards},
                                        step_keys_ - found_.size(), found_);
    resumes_ = more;
    if (more) {
      last_ = found_.back();
      break;  // enough, or enough bytes
    }
    ++range_;
  }
  step_keys_ = std::min(2 * step_keys_, kStepKeysMax);
  if (visit_found(visit) && range_ < ranges.size()) return true;
  visit_replaced(visit);
  done_ = true;
  return true;
}

template <class Visit>
bool IndexScan::visit_found(Visit&& visit) {
  const std::uint8_t keyspace = plan_.index->definition().keyspace;
  for (const Index::Found& found : found_) {
    if (!seen_.insert(found.document_key).second) continue;
    const std::uint64_t hash = engine_.hash(keyspace, found.document_key);
    Partition& partition = engine_.partition_of(hash);
    if (takes_locks_) partition.mutex().lock();
    const Entry* current = partition.find(keyspace, found.document_key, hash);
    const Entry* entry =
        takes_locks_ ? partition.find_at(keyspace, found.document_key, hash, lsn_) : current;
    // One that was changed since does not stand where it stood: what follows may be wanted.
    const bool goes_on = entry == nullptr || visit(*entry) || entry != current;
    if (takes_locks_) partition.mutex().unlock();
    if (!goes_on) return false;
  }
  return true;
}

template <class Visit>
void IndexScan::visit_replaced(Visit&& visit) {
  if (!takes_locks_) return;
  const IndexDefinition& definition = plan_.index->definition();
  std::vector<const Entry*> taken;
  for (std::size_t i = 0; i < engine_.partition_count(); ++i) {
    Partition& partition = engine_.partition(i);
    std::uint64_t known = 0;
    for (bool more = true; more;) {
      taken.clear();
      {
        MutexLock lock(partition.mutex());
        known = partition.undo().for_some_at(lsn_, known, [&](const UndoList::Version& version) {
          if (version.keyspace == definition.keyspace && version.entry &&
              collection_of(definition.keyspace, version.entry->key()) == definition.collection)
            taken.push_back(version.entry.get());
        });
        more = known < partition.undo().end();
      }
      // The view keeps them. Without the lock: what was seen may be much.
      for (const Entry* entry : taken)
        if (seen_.insert(std::string(entry->key())).second) visit(*entry);
    }
  }
}

}  // namespace kimdb::engine
