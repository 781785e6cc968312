#include "engine/collection.h"

#include <algorithm>

namespace kimdb::engine {

namespace {

constexpr std::size_t kNodeBytes = sizeof(std::string) + sizeof(Collection) + 48;  // of the map

std::uint64_t size_of(const Entry& entry) { return entry.key().size() + entry.value().size(); }

}  // namespace

const CollectionIndex* Collection::index(std::string_view name) const {
  for (const auto& index : indexes_)
    if (index->definition().name == name) return index.get();
  return nullptr;
}

std::size_t Collection::memory() const {
  std::size_t bytes = documents_.memory();
  for (const auto& index : indexes_) bytes += index->memory();
  return bytes;
}

void Collections::replace(const Entry* before, const Entry* after) {
  if (before == nullptr && after == nullptr) return;
  const std::string_view name =
      split_document_key((after != nullptr ? after : before)->key()).collection;
  auto found = collections_.find(name);
  if (found == collections_.end()) {
    found = collections_.try_emplace(std::string(name)).first;
    memory_ += kNodeBytes;
    for (const auto& definition : definitions(name)) {
      found->second.indexes_.push_back(std::make_unique<CollectionIndex>(definition));
      found->second.indexes_.back()->set_complete();
    }
  }
  Collection& collection = found->second;
  memory_ -= collection.memory();
  if (before != nullptr) collection.bytes_ -= size_of(*before);
  if (after != nullptr) collection.bytes_ += size_of(*after);
  for (const auto& index : collection.indexes_) index->replace(before, after);
  if (before == nullptr)
    collection.documents_.insert(after);
  else if (after == nullptr)
    collection.documents_.erase(before);
  else
    collection.documents_.replace(after);
  memory_ += collection.memory();
  if (!collection.documents_.empty()) return;
  memory_ -= collection.memory() + kNodeBytes;
  collections_.erase(found);
}

// --- indexes ---

const Collections::Definitions& Collections::definitions(std::string_view collection) const {
  static const Definitions kNone;
  const auto found = definitions_.find(collection);
  return found == definitions_.end() ? kNone : found->second;
}

void Collections::define(const std::shared_ptr<const IndexDefinition>& definition) {
  definitions_[definition->collection].push_back(definition);
  const auto found = collections_.find(definition->collection);
  if (found != collections_.end())
    found->second.indexes_.push_back(std::make_unique<CollectionIndex>(definition));
}

void Collections::drop(const IndexDefinition& definition) {
  const auto defined = definitions_.find(definition.collection);
  if (defined == definitions_.end()) return;
  std::erase_if(defined->second, [&](const auto& each) { return each->name == definition.name; });
  if (defined->second.empty()) definitions_.erase(defined);
  const auto found = collections_.find(definition.collection);
  if (found == collections_.end()) return;
  memory_ -= found->second.memory();
  std::erase_if(found->second.indexes_,
                [&](const auto& index) { return index->definition().name == definition.name; });
  memory_ += found->second.memory();
}

bool Collections::fill(const IndexDefinition& definition, std::string& behind, std::size_t count) {
  const auto found = collections_.find(definition.collection);
  if (found == collections_.end()) return true;
  Collection& collection = found->second;
  const auto index =
      std::find_if(collection.indexes_.begin(), collection.indexes_.end(),
                   [&](const auto& each) { return each->definition().name == definition.name; });
  if (index == collection.indexes_.end()) return true;  // it was dropped
  if ((*index)->complete()) return true;
  memory_ -= collection.memory();
  const auto& documents = collection.documents();
  auto position =
      behind.empty() ? documents.begin() : documents.upper_bound(std::string_view(behind));
  for (; count > 0 && position != documents.end(); --count, position = documents.next(position)) {
    (*index)->replace(nullptr, documents[position]);
    if (count == 1) behind = document_id(*documents[position]);
  }
  const bool complete = position == documents.end();
  if (complete) (*index)->set_complete();
  memory_ += collection.memory();
  return complete;
}

}  // namespace kimdb::engine
