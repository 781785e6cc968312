#include "engine/collection.h"

namespace kimdb::engine {

namespace {

constexpr std::size_t kNodeBytes = sizeof(std::string) + sizeof(Collection) + 48;  // of the map

std::uint64_t size_of(const Entry& entry) { return entry.key().size() + entry.value().size(); }

}  // namespace

void Collections::replace(const Entry* before, const Entry* after) {
  if (before == nullptr && after == nullptr) return;
  const std::string_view name =
      split_document_key((after != nullptr ? after : before)->key()).collection;
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

}  // namespace kimdb::engine
