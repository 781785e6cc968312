#include "engine/undo.h"

#include <cassert>

namespace kimdb::engine {

void UndoList::add(Lsn replaced_at, std::uint8_t keyspace, std::string_view key, std::uint64_t hash,
                   EntryPointer entry) {
  assert(versions_.empty() || versions_.back().replaced_at <= replaced_at);
  Version version{replaced_at, keyspace, hash, std::move(entry), {}, kNone};
  if (!version.entry) version.absent_key = key;
  const std::uint64_t index = first_ + versions_.size();
  const auto [newest, added] = newest_of_.try_emplace(hash, index);
  if (!added) version.older = std::exchange(newest->second, index);
  memory_ += memory_of(version);
  versions_.push_back(std::move(version));
}

void UndoList::settle(Lsn pending, Lsn lsn) {
  for (auto version = versions_.rbegin();
       version != versions_.rend() && version->replaced_at == pending; ++version) {
    version->replaced_at = lsn;
  }
}

bool UndoList::prune(Lsn horizon, std::size_t limit) {
  for (; !versions_.empty() && versions_.front().replaced_at <= horizon; --limit) {
    if (limit == 0) return true;
    const Version& version = versions_.front();
    // The chain's end may point below first_ from now on; whoever follows it stops there.
    if (const auto newest = newest_of_.find(version.hash); newest->second == first_)
      newest_of_.erase(newest);
    memory_ -= memory_of(version);
    versions_.pop_front();
    ++first_;
  }
  release_if_empty();
  return false;
}

// What the containers would keep for later would never be seen by memory().
void UndoList::release_if_empty() {
  if (!versions_.empty() || newest_of_.bucket_count() < 1024) return;
  versions_ = std::deque<Version>();
  newest_of_ = decltype(newest_of_)();
}

std::optional<const Entry*> UndoList::find(std::uint8_t keyspace, std::string_view key,
                                           std::uint64_t hash, Lsn lsn) const {
  std::optional<const Entry*> found;
  const auto newest = newest_of_.find(hash);
  if (newest == newest_of_.end()) return found;
  for (std::uint64_t i = newest->second; i != kNone && i >= first_; i = at(i).older) {
    const Version& version = at(i);
    if (version.replaced_at <= lsn) break;
    if (version.keyspace == keyspace && version.key() == key) found = version.entry.get();
  }
  return found;
}

std::size_t UndoList::memory_of(const Version& version) {
  return sizeof(Version) + 32 +
         (version.entry ? version.entry->memory() : version.absent_key.capacity());
}

}  // namespace kimdb::engine
