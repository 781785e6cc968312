// The undo list of a partition: the versions that were replaced or removed at an LSN, kept as long
// as a reader may need the state before it.
//
// A version whose entry is null says: there was nothing under this key. Versions of one key are
// chained, newest first:
//
//   newest_of_[hash] -> index -> older -> older
//
// Not thread-safe: the partition's lock guards it. Empty, and then free of cost, unless a reader is
// registered (Engine::horizon).
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/lsn.h"
#include "engine/entry.h"

namespace kimdb::engine {

class UndoList {
 public:
  struct Version {
    Lsn replaced_at = 0;
    std::uint8_t keyspace = 0;
    std::uint64_t hash = 0;
    EntryPointer entry;
    std::string absent_key;       // the key where there is no entry
    std::uint64_t older = kNone;  // index of the version before this one with the same hash

    std::string_view key() const { return entry ? entry->key() : std::string_view(absent_key); }
  };

  bool empty() const { return versions_.empty(); }
  std::size_t size() const { return versions_.size(); }
  std::size_t memory() const { return memory_; }

  // `entry` (or nothing, under `key`) was replaced at this LSN, which is not below those added
  // before.
  void add(Lsn replaced_at, std::uint8_t keyspace, std::string_view key, std::uint64_t hash,
           EntryPointer entry);
  // Gives the versions added with `pending` as their LSN the real one. Entries among them that the
  // same record made keep theirs: no state shows them.
  void settle(Lsn pending, Lsn lsn);
  // Frees what no state after `horizon` needs, `limit` versions at most. True when more are left.
  bool prune(Lsn horizon, std::size_t limit);

  // What stood under the key at `lsn`, as far as it was replaced since: an entry, or null for
  // nothing. No value: it was not replaced after `lsn`, the table's entry stands.
  std::optional<const Entry*> find(std::uint8_t keyspace, std::string_view key, std::uint64_t hash,
                                   Lsn lsn) const;
  // Calls visit(const Version&) for versions replaced after `lsn`, one for each key: the one that
  // stood at `lsn`. In parts of some microseconds: `from` is 0 at first, then what the call before
  // gave; end() where none is left.
  template <class Visit>
  std::uint64_t for_some_at(Lsn lsn, std::uint64_t from, Visit&& visit) const;
  std::uint64_t end() const { return first_ + versions_.size(); }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static constexpr std::size_t kPart = 512;

  const Version& at(std::uint64_t index) const { return versions_[index - first_]; }
  static std::size_t memory_of(const Version& version);
  void release_if_empty();

  std::deque<Version> versions_;  // in order of replaced_at
  std::uint64_t first_ = 0;       // index of versions_.front(); indexes are never used again
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> newest_of_;  // by hash
  std::size_t memory_ = 0;
};

template <class Visit>
std::uint64_t UndoList::for_some_at(Lsn lsn, std::uint64_t from, Visit&& visit) const {
  const auto begin =
      std::partition_point(versions_.begin(), versions_.end(),
                           [&](const Version& version) { return version.replaced_at <= lsn; });
  const std::uint64_t first =
      std::max(from, first_ + static_cast<std::uint64_t>(begin - versions_.begin()));
  const std::uint64_t behind = std::min(end(), first + kPart);
  for (std::uint64_t index = first; index < behind; ++index) {
    const Version& version = at(index);
    // The oldest version after `lsn` is the one that stood then: no older one of the key may be
    // after it too.
    bool oldest = true;
    for (std::uint64_t i = version.older; oldest && i != kNone && i >= first_; i = at(i).older) {
      const Version& other = at(i);
      if (other.replaced_at <= lsn) break;
      oldest = other.keyspace != version.keyspace || other.key() != version.key();
    }
    if (oldest) visit(version);
  }
  return behind;
}

}  // namespace kimdb::engine
