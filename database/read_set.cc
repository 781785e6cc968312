#include "database/read_set.h"

#include <algorithm>

#include "engine/document.h"

namespace kimdb::database {

namespace {

bool lies_in(const engine::KeyRange& range, std::string_view key) {
  return key >= range.begin && (range.end.empty() || key < range.end);
}

}  // namespace

bool ReadSet::covers(std::uint8_t keyspace, std::string_view key) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return range.keyspace == keyspace && key.starts_with(range.prefix) && lies_in(range.keys, key);
  });
}

void ReadSet::add_range(std::uint8_t keyspace, std::string_view prefix,
                        const engine::KeyRange& range) {
  const bool is_known = std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& known) {
    return known.keyspace == keyspace && prefix.starts_with(known.prefix) &&
           known.keys.begin <= range.begin &&
           (known.keys.end.empty() || (!range.end.empty() && range.end <= known.keys.end));
  });
  if (is_known) return;
  ranges_.push_back({keyspace, std::string(prefix), range});
  bytes_ += sizeof(Range) + prefix.size() + range.begin.size() + range.end.size();
}

void ReadSet::add_index_range(engine::IndexPointer index, const engine::KeyRange& range) {
  const bool is_known =
      std::any_of(index_ranges_.begin(), index_ranges_.end(), [&](const IndexRange& known) {
        return known.index == index && known.keys.begin == range.begin &&
               known.keys.end == range.end;
      });
  if (is_known) return;
  index_ranges_.push_back({std::move(index), range});
  bytes_ += sizeof(IndexRange) + range.begin.size() + range.end.size();
}

bool ReadSet::indexes(std::uint8_t keyspace, const engine::Entry& entry) const {
  return std::any_of(index_ranges_.begin(), index_ranges_.end(), [&](const IndexRange& range) {
    const engine::IndexDefinition& definition = range.index->definition();
    if (definition.keyspace != keyspace) return false;
    const bool is_row = keyspace == engine::kRows;
    if (is_row ? !entry.key().starts_with(definition.collection)
               : engine::split_document_key(entry.key()).collection != definition.collection)
      return false;
    std::vector<std::string> keys;
    if (is_row) {
      keys = definition.row_keys(entry.value());
    } else {
      auto found = engine::index_keys(definition, engine::read_document(entry.value()).body);
      if (!found) return true;  // too many to say
      keys = std::move(*found);
    }
    return std::any_of(keys.begin(), keys.end(),
                       [&](const std::string& key) { return lies_in(range.keys, key); });
  });
}

bool ReadSet::still_holds(engine::Engine& engine, const engine::ReadView& view) const {
  if (!keys_hold(engine, view.lsn())) return false;
  if (ranges_.empty() && index_ranges_.empty()) return true;
  for (std::size_t i = 0; i < engine.partition_count(); ++i)
    if (!ranges_hold(engine.partition(i), view.lsn())) return false;
  return true;
}

bool ReadSet::keys_hold(engine::Engine& engine, Lsn lsn) const {
  return std::all_of(keys_.begin(), keys_.end(), [&](const auto& place) {
    const auto& [keyspace, key] = place;
    const std::uint64_t hash = engine.hash(keyspace, key);
    const engine::Partition& partition = engine.partition_of(hash);
    return partition.find(keyspace, key, hash) == partition.find_at(keyspace, key, hash, lsn);
  });
}

// The view keeps what was replaced since: what changed is in the undo list, and nothing else.
bool ReadSet::ranges_hold(engine::Partition& partition, Lsn lsn) const {
  const engine::UndoList& undo = partition.undo();
  bool holds = true;
  for (std::uint64_t from = 0; holds && from != undo.end();)
    from = undo.for_some_at(lsn, from, [&](const engine::UndoList::Version& version) {
      if (!holds) return;
      const engine::Entry* before = version.entry.get();
      const engine::Entry* now = partition.find(version.keyspace, version.key(), version.hash);
      if (before == nullptr && now == nullptr && !has_present_) return;  // came and went
      holds = !covers(version.keyspace, version.key()) &&
              (before == nullptr || !indexes(version.keyspace, *before)) &&
              (now == nullptr || !indexes(version.keyspace, *now));
    });
  return holds;
}

}  // namespace kimdb::database
