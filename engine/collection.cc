#include "engine/collection.h"

#include <algorithm>

#include "engine/row_key.h"

namespace kimdb::engine {

namespace {

constexpr std::size_t kFillBytes = 256 << 10;                                      // under one lock
constexpr std::size_t kNodeBytes = sizeof(std::string) + sizeof(Collection) + 48;  // of the map

std::uint64_t size_of(const Entry& entry) { return entry.key().size() + entry.value().size(); }

}  // namespace

std::string_view collection_of(std::uint8_t keyspace, std::string_view key) {
  return keyspace == kRows ? key.substr(0, kRowPrefixBytes) : split_document_key(key).collection;
}

void Collections::replace(const Entry* before, const Entry* after) {
  if (before == nullptr && after == nullptr) return;
  const std::string_view name =
      collection_of(keyspace_, (after != nullptr ? after : before)->key());
  auto found = collections_.find(name);
  if (found == collections_.end()) {
    found = collections_.try_emplace(std::string(name)).first;
    memory_ += kNodeBytes;
  }
  Collection& collection = found->second;
  memory_ -= collection.memory();
  if (before != nullptr) collection.bytes_ -= size_of(*before);
  if (after != nullptr) collection.bytes_ += size_of(*after);
  if (before == nullptr)
    collection.entries_.insert(after);
  else if (after == nullptr)
    collection.entries_.erase(before);
  else
    collection.entries_.replace(after);
  memory_ += collection.memory();
  if (const auto indexed = indexes_.find(name); indexed != indexes_.end())
    for (Indexed& each : indexed->second) change_index(each, before, after);
  if (!collection.entries_.empty()) return;
  memory_ -= collection.memory() + kNodeBytes;
  collections_.erase(found);
}

// --- indexes ---

void Collections::change_index(Indexed& indexed, const Entry* before, const Entry* after) {
  const std::int64_t grown = indexed.index->replace(before, after);
  indexed.bytes += grown;
  memory_ += static_cast<std::size_t>(grown);
}

IndexList Collections::indexes(std::string_view collection) const {
  IndexList list;
  if (const auto found = indexes_.find(collection); found != indexes_.end())
    for (const Indexed& indexed : found->second) list.push_back(indexed.index);
  return list;
}

bool Collections::has_unique(std::string_view collection) const {
  const auto found = indexes_.find(collection);
  return found != indexes_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [](const Indexed& each) { return each.index->definition().unique; });
}

void Collections::add_index(const IndexPointer& index) {
  indexes_[index->definition().collection].push_back({index});
}

void Collections::remove_index(const Index& index) {
  const auto found = indexes_.find(index.definition().collection);
  if (found == indexes_.end()) return;
  std::erase_if(found->second, [&](const Indexed& each) {
    if (each.index.get() != &index) return false;
    memory_ -= static_cast<std::size_t>(each.bytes);
    return true;
  });
  if (found->second.empty()) indexes_.erase(found);
}

bool Collections::fill(const Index& index, std::string& behind, std::size_t count) {
  const auto found = collections_.find(index.definition().collection);
  const auto indexed = indexes_.find(index.definition().collection);
  if (found == collections_.end() || indexed == indexes_.end()) return true;
  const auto filled = std::find_if(indexed->second.begin(), indexed->second.end(),
                                   [&](const Indexed& each) { return each.index.get() == &index; });
  if (filled == indexed->second.end()) return true;
  const auto& entries = found->second.entries();
  auto position = behind.empty() ? entries.begin() : entries.upper_bound(std::string_view(behind));
  std::size_t bytes = 0;
  for (; count > 0 && position != entries.end(); --count, position = entries.next(position)) {
    const Entry* entry = entries[position];
    change_index(*filled, nullptr, entry);
    bytes += entry->value().size();
    if (bytes > kFillBytes) count = 1;
    if (count == 1) behind = entry->key();
  }
  return position == entries.end();
}

}  // namespace kimdb::engine
