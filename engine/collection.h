// A partition's share of the collections: their documents in the order of their ids. What changes
// goes into their indexes, too, which are shared by all partitions (engine/index.h).
//
// Kept by Partition at each change of the keyspace kDocuments, and never logged: what it says
// follows from the documents. It holds what is current only; whoever reads an older state looks
// into the undo list as well (engine/document_scan.h).
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
#include "engine/ordered_set.h"

namespace kimdb::engine {

inline std::string_view document_id(const Entry& entry) {
  return split_document_key(entry.key()).id;
}

struct ById {
  bool operator()(const Entry* a, const Entry* b) const {
    return document_id(*a) < document_id(*b);
  }
  bool operator()(const Entry* a, std::string_view id) const { return document_id(*a) < id; }
  bool operator()(std::string_view id, const Entry* b) const { return id < document_id(*b); }
};

class Collection {
 public:
  using Documents = OrderedSet<const Entry*, ById>;

  const Documents& documents() const { return documents_; }
  std::uint64_t bytes() const { return bytes_; }  // of the documents' keys and values
  std::size_t memory() const { return documents_.memory(); }

 private:
  friend class Collections;
  Documents documents_;
  std::uint64_t bytes_ = 0;
};

class Collections {
 public:
  // Null where it has no document here.
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
  // Of a collection, whether it has documents here or not.
  IndexList indexes(std::string_view collection) const;
  bool has_unique(std::string_view collection) const;
  template <class Visit>
  void for_each_index(Visit&& visit) const {
    for (const auto& [collection, indexes] : indexes_)
      for (const Indexed& indexed : indexes) visit(indexed.index);
  }
  // From now on documents stand in the index as they change; those that are here by fill().
  void add_index(const IndexPointer& index);
  // Of an index that is retired.
  void remove_index(const Index& index);
  // Adds up to `count` documents behind an id, and steps it on; true once there are no more.
  bool fill(const Index& index, std::string& behind, std::size_t count);

 private:
  std::map<std::string, Collection, std::less<>> collections_;  // none is empty
  struct Indexed {
    IndexPointer index;
    std::int64_t bytes = 0;  // that the documents here make of it
  };
  void change_index(Indexed& indexed, const Entry* before, const Entry* after);

  std::map<std::string, std::vector<Indexed>, std::less<>> indexes_;
  std::size_t memory_ = 0;
};

}  // namespace kimdb::engine
