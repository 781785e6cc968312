// Goes through a collection's documents as of one LSN, partition by partition, in steps that each
// hold one partition's lock for well below a millisecond. Each document that stood at that LSN is
// visited exactly once, whatever happens in between; where an index is used, each that stands under
// the keys that the plan names, and perhaps some more.
//
// How: a step visits a range of ids, or some keys of the index; of what is current, those that no
// later record wrote. What stood at the LSN and was replaced since is in the undo list: it is
// visited at the partition's end, but for what was visited before it was replaced. By ids, that is
// what the partition's last LSN at the time of the step tells; by an index the ids that were
// visited are kept.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/index_plan.h"

namespace kimdb::engine {

class DocumentScan {
 public:
  // In which order the documents of a partition are visited, but for those replaced since.
  enum class Order { none, by_id, by_plan };

  // Of a view that outlives the scan.
  DocumentScan(Engine& engine, const ReadView& view, std::string_view collection)
      : engine_(engine), collection_(collection), lsn_(view.lsn()) {}
  // Of what is current, for a caller who holds all partitions' locks all the time.
  DocumentScan(Engine& engine, std::string_view collection)
      : engine_(engine), collection_(collection), lsn_(kOwnRecord), takes_locks_(false) {}

  // Leaves out ids up to this one.
  void begin_behind(std::string_view id) { begin_behind_ = id; }
  // Looks only where the plan says, in partitions where its index is complete. It outlives the
  // scan.
  void use(const IndexPlan& plan) { plan_ = &plan; }

  // Calls visit(const Entry&, Order) for some documents; `visit` returns whether it wants those of
  // the partition that follow in this order, too. False, and nothing visited, at the end.
  template <class Visit>
  bool step(Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;

 private:
  static constexpr std::size_t kStepDocuments = 256;
  static constexpr std::size_t kStepBytes = 256 << 10;

  struct Range {
    std::string last_id;
    Lsn seen_at = 0;  // the partition's last LSN when it was visited
  };
  // What one step may visit.
  struct Budget {
    std::size_t documents = 0;
    std::size_t bytes = 0;
    bool spend(const Entry& entry) {
      bytes += entry.value().size();
      return ++documents < kStepDocuments && bytes < kStepBytes;
    }
  };
  enum class End { of_step, of_partition };

  template <class Visit>
  void visit_partition(Partition& partition, Visit&& visit);
  template <class Visit>
  End visit_by_id(const Partition& partition, const Collection& collection, Visit&& visit);
  template <class Visit>
  End visit_by_index(const CollectionIndex& index, Visit&& visit);
  template <class Visit>
  void visit_replaced(const Partition& partition, Visit&& visit);
  // Null where the partition has to be visited by ids.
  const CollectionIndex* usable_index(const Collection& collection) const;
  void begin_partition(std::size_t index) {
    partition_ = index;
    ranges_.clear();
    seen_.clear();
    key_range_ = 0;
    last_key_.clear();
    last_id_.clear();
    by_index_ = plan_ != nullptr;
    multikey_ = resumes_ = false;
  }

  Engine& engine_;
  const std::string collection_;
  const Lsn lsn_;
  const bool takes_locks_ = true;
  std::string begin_behind_;
  const IndexPlan* plan_ = nullptr;
  std::size_t partition_ = 0;
  bool begun_ = false;
  // Of this partition:
  std::vector<Range> ranges_;
  bool by_index_ = false;
  bool multikey_ = false;                 // the index was
  std::unordered_set<std::string> seen_;  // ids that were visited by the index
  std::size_t key_range_ = 0;             // of the plan's, from the end where it is reversed
  bool resumes_ = false;                  // behind these:
  std::string last_key_;
  std::string last_id_;
};

template <class Visit>
bool DocumentScan::step(Visit&& visit) {
  if (!begun_) begin_partition(0);
  begun_ = true;
  if (partition_ == engine_.partition_count()) return false;
  Partition& partition = engine_.partition(partition_);
  if (takes_locks_) partition.mutex().lock();
  visit_partition(partition, visit);
  if (takes_locks_) partition.mutex().unlock();
  return true;
}

template <class Visit>
void DocumentScan::visit_partition(Partition& partition, Visit&& visit) {
  if (const Collection* collection = partition.collections().find(collection_)) {
    const CollectionIndex* index = by_index_ ? usable_index(*collection) : nullptr;
    // An index may be dropped while this goes on; what it has given is in seen_.
    by_index_ = index != nullptr;
    const End end =
        by_index_ ? visit_by_index(*index, visit) : visit_by_id(partition, *collection, visit);
    if (end == End::of_step) return;
  }
  visit_replaced(partition, visit);
  begin_partition(partition_ + 1);
}

template <class Visit>
DocumentScan::End DocumentScan::visit_by_id(const Partition& partition,
                                            const Collection& collection, Visit&& visit) {
  const auto& documents = collection.documents();
  const std::string& behind = ranges_.empty() ? begin_behind_ : ranges_.back().last_id;
  auto position =
      behind.empty() ? documents.begin() : documents.upper_bound(std::string_view(behind));
  Budget budget;
  for (; position != documents.end(); position = documents.next(position)) {
    const Entry& entry = *documents[position];
    const bool goes_on = budget.spend(entry);
    if (!goes_on) ranges_.push_back({std::string(document_id(entry)), partition.last_lsn()});
    const bool is_new =
        entry.lsn() <= lsn_ && (seen_.empty() || !seen_.contains(std::string(document_id(entry))));
    if (is_new && !visit(entry, Order::by_id)) return End::of_partition;
    if (!goes_on)
      return documents.next(position) == documents.end() ? End::of_partition : End::of_step;
  }
  return End::of_partition;
}

template <class Visit>
DocumentScan::End DocumentScan::visit_by_index(const CollectionIndex& index, Visit&& visit) {
  if (multikey_ !=
      index.multikey()) {  // the ranges are others: all over again, what was seen left out
    multikey_ = index.multikey();
    key_range_ = 0;
    resumes_ = false;
  }
  const CollectionIndex::Items& items = index.items();
  const auto& ranges = index.multikey() ? plan_->ranges_of_many : plan_->ranges;
  const Order order = plan_->sorted && !index.multikey() ? Order::by_plan : Order::none;
  const bool backwards = order == Order::by_plan && plan_->reversed;
  Budget budget;
  const auto take = [&](const CollectionIndex::Item& item) {  // false: the partition is done with
    const Entry& entry = *item.document;
    const std::string_view id = document_id(entry);
    if (entry.lsn() > lsn_ || id <= begin_behind_) return true;
    return !seen_.insert(std::string(id)).second || visit(entry, order);
  };
  for (; key_range_ < ranges.size(); ++key_range_, resumes_ = false) {
    const KeyRange& range = ranges[backwards ? ranges.size() - 1 - key_range_ : key_range_];
    const CollectionIndex::Place last{last_key_, last_id_};
    auto position = backwards
                        ? (resumes_            ? items.lower_bound(last)
                           : range.end.empty() ? items.end()
                                               : items.lower_bound(std::string_view(range.end)))
                        : (resumes_ ? items.upper_bound(last)
                                    : items.lower_bound(std::string_view(range.begin)));
    for (;;) {
      if (backwards) {
        if (position == items.begin()) break;
        position = items.previous(position);
      } else if (position == items.end()) {
        break;
      }
      const CollectionIndex::Item& item = *items[position];
      if (backwards ? item.key < range.begin : !range.end.empty() && item.key >= range.end) break;
      if (!take(item)) return End::of_partition;
      if (!budget.spend(*item.document)) {
        resumes_ = true;
        last_key_ = item.key;
        last_id_ = document_id(*item.document);
        return End::of_step;
      }
      if (!backwards) position = items.next(position);
    }
  }
  return End::of_partition;
}

inline const CollectionIndex* DocumentScan::usable_index(const Collection& collection) const {
  const CollectionIndex* index = collection.index(plan_->index->name);
  if (index == nullptr || !index->complete()) return nullptr;
  const IndexDefinition& definition = index->definition();
  const bool same =
      definition.fields == plan_->index->fields && definition.hash == plan_->index->hash;
  return same ? index : nullptr;
}

template <class Visit>
void DocumentScan::visit_replaced(const Partition& partition, Visit&& visit) {
  partition.undo().for_each_at(lsn_, [&](const UndoList::Version& version) {
    if (version.keyspace != kDocuments || !version.entry) return;
    const auto [collection, id] = split_document_key(version.entry->key());
    if (collection != collection_ || id <= begin_behind_) return;
    if (!seen_.empty() && seen_.contains(std::string(id))) return;
    const auto range = std::lower_bound(
        ranges_.begin(), ranges_.end(), id,
        [](const Range& candidate, std::string_view sought) { return candidate.last_id < sought; });
    // The last range, visited just now, has no end.
    if (range != ranges_.end() && version.replaced_at > range->seen_at) return;
    visit(*version.entry, Order::none);
  });
}

}  // namespace kimdb::engine
