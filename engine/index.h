// Secondary indexes of collections: what one is made of, and a partition's share of it.
//
// A definition lies in the keyspace kIndexes:
//
//   key    collection, '/', name
//   value  flags (1 unique, 2 hash), then its fields as INDEX CREATE takes them:
//   "address.city,-age"
//
// The index itself is never logged: it follows from the documents. A document stands in it under
// one key for each combination of the values that its fields have; of an array each item is a
// value, and the array itself. Keys are parts in the order of values (engine/sort_key.h); an index
// by hash keeps a hash of them, in less memory, and finds only what is equal. The members that
// kimdb itself says (id, _version, …) cannot be indexed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/document.h"
#include "engine/entry.h"
#include "engine/ordered_set.h"
#include "engine/sort_key.h"

namespace kimdb::engine {

struct IndexDefinition {
  std::string collection;
  std::string name;
  std::string fields;  // "address.city,-age"
  SortOrder order;     // the same, read
  bool unique = false;
  bool hash = false;
};

constexpr std::size_t kIndexFieldsMax = 8;
constexpr std::size_t kIndexesMax = 32;  // of one collection
// A document may have so many keys in an index.
constexpr std::size_t kIndexKeysMax = 1000;

// `fields` as in the definition's value. An error says what is wrong with them.
Result<IndexDefinition> make_index_definition(std::string_view collection, std::string_view name,
                                              std::string_view fields, bool unique, bool hash);
std::string index_key(const IndexDefinition& definition);
std::string encode_index(const IndexDefinition& definition);
// Of an entry of kIndexes; corrupt where it is none.
Result<IndexDefinition> read_index(std::string_view key, std::string_view value);

// The keys of a document, given its body: sorted, none twice. An error where it has too many.
Result<std::vector<std::string>> index_keys(const IndexDefinition& definition,
                                            std::string_view body);
// Whether a field of a key (not of an index by hash) is null or missing: no other document's key
// counts as the same one.
bool has_null_part(const IndexDefinition& definition, std::string_view key);
// What the parts of all fields become.
std::string finish_index_key(const IndexDefinition& definition, std::string parts);

// A partition's share. Not thread-safe: the partition's lock guards it.
class CollectionIndex {
 public:
  struct Item {
    std::string key;
    const Entry* document = nullptr;
  };
  struct Place {
    std::string_view key;
    std::string_view id;
  };
  struct Less {
    bool operator()(const Item* a, const Item* b) const;
    bool operator()(const Item* a, const Place& b) const;
    bool operator()(const Place& a, const Item* b) const;
    bool operator()(const Item* a, std::string_view key) const { return a->key < key; }
    bool operator()(std::string_view key, const Item* b) const { return key < b->key; }
  };
  using Items = OrderedSet<Item*, Less>;

  explicit CollectionIndex(std::shared_ptr<const IndexDefinition> definition)
      : definition_(std::move(definition)) {}
  ~CollectionIndex();
  CollectionIndex(const CollectionIndex&) = delete;
  CollectionIndex& operator=(const CollectionIndex&) = delete;

  const IndexDefinition& definition() const { return *definition_; }
  const Items& items() const { return items_; }
  // Every document of the share stands in it.
  bool complete() const { return complete_; }
  // Some document stands, or stood, under several keys.
  bool multikey() const { return multikey_; }
  // Some document has too many keys, and does not stand in it.
  bool refused_some() const { return refused_some_; }
  std::size_t memory() const { return items_.memory() + item_bytes_; }

  // `after` takes the place of `before`; null: there was, or will be, none. A document that does
  // not stand in it yet is added.
  void replace(const Entry* before, const Entry* after);
  void set_complete() { complete_ = true; }

 private:
  void add(std::string key, const Entry* document);
  void remove(const std::string& key, const Entry* document);

  const std::shared_ptr<const IndexDefinition> definition_;
  Items items_;
  std::size_t item_bytes_ = 0;
  bool complete_ = false;
  bool multikey_ = false;
  bool refused_some_ = false;
};

}  // namespace kimdb::engine
