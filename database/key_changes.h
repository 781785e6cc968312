// What an open transaction (BEGIN … COMMIT) has changed of keys and documents and not committed
// yet: they lie over the state that it sees. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/lsn.h"
#include "engine/partition.h"

namespace kimdb::database {

class KeyChanges {
 public:
  // What the transaction's state has under a key that it changed.
  struct Base {
    Lsn lsn = 0;           // of the entry; 0: there is none
    bool expired = false;  // when it was changed: it counts as none, and may be removed meanwhile
  };

  bool empty() const { return bases_.empty(); }
  // Of keys and values, those changed again counted again.
  std::size_t bytes() const { return bytes_; }

  // The entry as it was changed, null: removed; nothing if the key was left alone.
  std::optional<const engine::Entry*> find(std::uint8_t keyspace, std::string_view key) const;

  // Applies an operation on one entry. `base`: what the transaction's state has under the key, null
  // for nothing; it counts the first time that the key is changed.
  void apply(engine::Operation operation, const engine::Entry* base, std::int64_t now_ms);

  // Calls visit(keyspace, key, base, entry) for each key that was changed, in their order; the
  // entry is null if it was removed.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [place, base] : bases_)
      visit(place.first, std::string_view(place.second), base, entry(place.first, place.second));
  }
  // Calls visit(entry) for each entry that stands under a changed key with this prefix.
  template <class Visit>
  void for_each_with_prefix(std::uint8_t keyspace, std::string_view prefix, Visit&& visit) const {
    for (auto at = bases_.lower_bound(std::pair(keyspace, std::string(prefix)));
         at != bases_.end() && at->first.first == keyspace && at->first.second.starts_with(prefix);
         ++at)
      if (const engine::Entry* found = entry(keyspace, at->first.second)) visit(*found);
  }

 private:
  const engine::Entry* entry(std::uint8_t keyspace, std::string_view key) const {
    return state_->find(keyspace, key, hash(key));
  }
  std::uint64_t hash(std::string_view key) const { return engine::Hasher(kSeed)(key); }

  static constexpr std::uint64_t kSeed = 0;

  std::map<std::pair<std::uint8_t, std::string>, Base> bases_;
  std::unique_ptr<engine::Partition> state_;  // null: nothing was changed
  std::size_t bytes_ = 0;
};

}  // namespace kimdb::database
