// A partition's share of the collections of a keyspace: the documents of each collection, or the
// rows of each typed table, in the order of their keys. What changes goes into their indexes, too,
// which are shared by all partitions (engine/index.h).
//
// Kept by Partition at each change of the keyspaces kDocuments and kRows, and never logged: what it
// says follows from the entries. It holds what is current only; whoever reads an older state looks
// into the undo list as well (engine/collection_scan.h).
//
// Not thread-safe: the partition's lock guards it. Entries belong to the partition's table.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/document.h"
#include "engine/entry.h"
#include "engine/index.h"
#include "engine/mutation.h"
#include "engine/ordered_set.h"

namespace kimdb::engine {

inline std::string_view document_id(const Entry& entry) {
  return split_document_key(entry.key()).id;
}

struct ByKey {
  bool operator()(const Entry* a, const Entry* b) const { return a->key() < b->key(); }
  bool operator()(const Entry* a, std::string_view key) const { return a->key() < key; }
  bool operator()(std::string_view key, const Entry* b) const { return key < b->key(); }
};

class Collection {
 public:
  using Entries = OrderedSet<const Entry*, ByKey>;

  const Entries& entries() const { return entries_; }
  std::uint64_t bytes() const { return bytes_; }  // of the entries' keys and values
  std::size_t memory() const { return entries_.memory(); }

 private:
  friend class Collections;
  Entries entries_;
  std::uint64_t bytes_ = 0;
};

// The name of the collection that an entry belongs to, by its key: all keys of a collection begin
// alike.
std::string_view collection_of(std::uint8_t keyspace, std::string_view key);
constexpr bool has_collections(std::uint8_t keyspace) {
  return keyspace == kDocuments || keyspace == kRows;
}

class Collections {
 public:
  // Of the entries of a keyspace.
  explicit Collections(std::uint8_t keyspace) : keyspace_(keyspace) {}

  // Null where it has no entry here.
  const Collection* find(std::string_view name) const {
    const auto found = collections_.find(name);
    return found == collections_.end() ? nullptr : &found->second;
  }
  // Calls visit(name, const Collection&) for each, in the order of names.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [name, collection] : collections_) visit(std::string_view(name), collection);
  }
  std::size_t memory() const { return memory_; }

  // `after` takes the place of `before`, which has the same key; null: there was, or will be, none.
  void replace(const Entry* before, const Entry* after);

  // --- indexes ---
  // Of a collection, whether it has entries here or not.
  IndexList indexes(std::string_view collection) const;
  bool has_unique(std::string_view collection) const;
  template <class Visit>
  void for_each_index(Visit&& visit) const {
    for (const auto& [collection, indexes] : indexes_)
      for (const Indexed& indexed : indexes) visit(indexed.index);
  }
  // From now on entries stand in the index as they change; those that are here by fill().
  void add_index(const IndexPointer& index);
  // Of an index that is retired.
  void remove_index(const Index& index);
  // Adds up to `count` entries behind a key, and steps it on; true once there are no more.
  bool fill(const Index& index, std::string& behind, std::size_t count);

 private:
  std::uint8_t keyspace_;
  std::map<std::string, Collection, std::less<>> collections_;  // none is empty
  struct Indexed {
    IndexPointer index;
    std::int64_t bytes = 0;  // that the entries here make of it
  };
  void change_index(Indexed& indexed, const Entry* before, const Entry* after);

  std::map<std::string, std::vector<Indexed>, std::less<>> indexes_;
  std::size_t memory_ = 0;
};

}  // namespace kimdb::engine
