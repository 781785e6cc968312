// Goes through a collection's documents as of one LSN, partition by partition, in steps that each
// hold one partition's lock for well below a millisecond. Each document that stood at that LSN is
// visited exactly once, whatever happens in between.
//
// How: a step visits a range of ids; of what is current, those that no later record wrote. It
// remembers the partition's last LSN. What stood at the LSN and was replaced since is in the undo
// list: it is visited at the partition's end, but for what its range's step had seen before it was
// replaced.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace kimdb::engine {

class DocumentScan {
 public:
  // Of a view that outlives the scan.
  DocumentScan(Engine& engine, const ReadView& view, std::string_view collection)
      : engine_(engine), collection_(collection), lsn_(view.lsn()) {}
  // Of what is current, for a caller who holds all partitions' locks all the time.
  DocumentScan(Engine& engine, std::string_view collection)
      : engine_(engine), collection_(collection), lsn_(kOwnRecord), takes_locks_(false) {}

  // Leaves out ids up to this one.
  void begin_behind(std::string_view id) { begin_behind_ = id; }

  // Calls visit(const Entry&) for some documents, in no particular order; `visit` returns whether
  // it wants those of the partition behind this id, too. False, and nothing visited, at the end.
  template <class Visit>
  bool step(Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;

 private:
  static constexpr std::size_t kStepDocuments = 256;
  static constexpr std::size_t kStepBytes = 256 << 10;

  struct Range {
    std::string last_id;
    Lsn seen_at = 0;  // the partition's last LSN when it was visited
  };

  template <class Visit>
  void visit_partition(Partition& partition, Visit&& visit);
  template <class Visit>
  void visit_replaced(const Partition& partition, Visit&& visit);
  void begin_partition(std::size_t index) {
    partition_ = index;
    ranges_.clear();
    started_ = false;
  }

  Engine& engine_;
  const std::string collection_;
  const Lsn lsn_;
  const bool takes_locks_ = true;
  std::string begin_behind_;
  std::size_t partition_ = 0;
  bool started_ = false;
  std::vector<Range> ranges_;  // of this partition
};

template <class Visit>
bool DocumentScan::step(Visit&& visit) {
  if (partition_ == engine_.partition_count()) return false;
  Partition& partition = engine_.partition(partition_);
  if (takes_locks_) partition.mutex().lock();
  visit_partition(partition, visit);
  if (takes_locks_) partition.mutex().unlock();
  return true;
}

template <class Visit>
void DocumentScan::visit_partition(Partition& partition, Visit&& visit) {
  bool more = false;
  if (const Collection* collection = partition.collections().find(collection_)) {
    const auto& documents = collection->documents();
    const std::string& behind = ranges_.empty() ? begin_behind_ : ranges_.back().last_id;
    auto position =
        behind.empty() ? documents.begin() : documents.upper_bound(std::string_view(behind));
    more = true;
    std::size_t bytes = 0;
    bool last = false;
    for (std::size_t count = 1; more && !last && position != documents.end();
         ++count, position = documents.next(position)) {
      const Entry& entry = *documents[position];
      bytes += entry.value().size();
      last = count == kStepDocuments || bytes >= kStepBytes;
      if (last) ranges_.push_back({std::string(document_id(entry)), partition.last_lsn()});
      if (entry.lsn() <= lsn_) more = visit(entry);
    }
    more = more && position != documents.end();
  }
  if (more) return;
  visit_replaced(partition, visit);
  begin_partition(partition_ + 1);
}

template <class Visit>
void DocumentScan::visit_replaced(const Partition& partition, Visit&& visit) {
  partition.undo().for_each_at(lsn_, [&](const UndoList::Version& version) {
    if (version.keyspace != kDocuments || !version.entry) return;
    const auto [collection, id] = split_document_key(version.entry->key());
    if (collection != collection_ || id <= begin_behind_) return;
    const auto range = std::lower_bound(
        ranges_.begin(), ranges_.end(), id,
        [](const Range& candidate, std::string_view sought) { return candidate.last_id < sought; });
    // The last range, visited just now, has no end.
    if (range != ranges_.end() && version.replaced_at > range->seen_at) return;
    visit(*version.entry);
  });
}

}  // namespace kimdb::engine
