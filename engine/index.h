// Secondary indexes of collections, and of typed tables.
//
// The definition of a collection's index lies in the keyspace kIndexes, those of a typed table in
// its schema (engine/schema.h):
//
//   key    collection, '/', name
//   value  flags (1 unique, 2 hash), then its fields as INDEX CREATE takes them:
//   "address.city,-age"
//
// The index itself is never logged: it follows from the documents. A document stands in it under
// one key for each combination of the values that its fields have; of an array each item is a
// value, and what is not there is null. Keys are parts in the order of values (engine/sort_key.h);
// an index by hash keeps a hash of them, in less memory, and finds only what is equal. The members
// that kimdb itself says (id, _version, …) cannot be indexed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "engine/document.h"
#include "engine/entry.h"
#include "engine/mutation.h"
#include "engine/ordered_set.h"
#include "engine/sort_key.h"

namespace kimdb::engine {

struct IndexDefinition {
  std::uint8_t keyspace = kDocuments;
  std::string collection;  // of a typed table its rows' prefix
  std::string name;
  std::string fields;  // "address.city,-age"
  SortOrder order;     // the same, read
  bool unique = false;
  bool hash = false;
  // Of a typed table: the places of its columns, and the keys of a row, as index_keys() gives those
  // of a document.
  std::vector<std::uint32_t> columns;
  std::function<std::vector<std::string>(std::string_view row)> row_keys;
};

constexpr std::size_t kIndexFieldsMax = 8;
constexpr std::size_t kIndexesMax = 32;  // of one collection
// A document may have so many keys in an index, with so many bytes.
constexpr std::size_t kIndexKeysMax = 1000;
constexpr std::size_t kIndexKeyBytesMax = 256 << 10;

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
// Whether a field of a key (not of an index by hash) is null, missing or an array without items: no
// other document's key counts as the same one.
bool has_null_part(const IndexDefinition& definition, std::string_view key);
// What the parts of all fields become.
std::string finish_index_key(const IndexDefinition& definition, std::string parts);

// All keys of an index, in order, with the documents that stand under them.
//
// Thread-safe. Who changes a document holds its partition's lock and takes the index's within it; a
// reader takes the index's alone, and gets copies of the documents' keys. It points to entries of
// the partitions: before these may go without replace(), it has to be retired.
class Index {
 public:
  explicit Index(IndexDefinition definition) : definition_(std::move(definition)) {}
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  const IndexDefinition& definition() const { return definition_; }

  // `after` takes the place of `before`; null: there was, or will be, none. A document that does
  // not stand in it yet is added. Gives by how many bytes the index has grown.
  std::int64_t replace(const Entry* before, const Entry* after);
  // Every document stands in it: queries may use it.
  void set_complete() { complete_.store(true, std::memory_order_release); }
  bool complete() const { return complete_.load(std::memory_order_acquire); }
  // Empties it for good.
  void retire();
  bool retired() const { return retired_.load(std::memory_order_acquire); }

  // Some document stands, or stood, under several keys.
  bool multikey() const { return multikey_.load(std::memory_order_acquire); }
  // Some document has too many keys, and does not stand in it.
  bool refused_some() const { return refused_some_.load(std::memory_order_acquire); }
  std::size_t size() const;
  std::size_t memory() const;

  struct Found {
    std::string key;
    std::string document_key;
  };
  // Adds up to `count` keys from `begin` on (behind `last`, where that is given) and before `end`
  // (empty: all), in order or, `backwards`, from the end. False where the range has no more of
  // them.
  struct Range {
    std::string_view begin;
    std::string_view end;
    const Found* last = nullptr;
    bool backwards = false;
  };
  bool find(const Range& range, std::size_t count, std::vector<Found>& found) const;

  // Of a unique index: the key of a document that stands under this key, and that skip() does not
  // leave out.
  template <class Skip>
  std::optional<std::string> holder_of(std::string_view key, Skip&& skip) const {
    MutexLock lock(mutex_);
    for (auto at = items_.lower_bound(key); at != items_.end() && items_[at]->key == key;
         at = items_.next(at))
      if (!skip(items_[at]->document->key())) return std::string(items_[at]->document->key());
    return std::nullopt;
  }
  // Two documents that stand under one key without a null.
  std::optional<std::pair<std::string, std::string>> find_duplicate() const;

 private:
  struct Item {
    std::string key;
    const Entry* document = nullptr;
  };
  struct Place {
    std::string_view key;
    std::string_view document_key;
  };
  struct Less {
    bool operator()(const Item* a, const Item* b) const;
    bool operator()(const Item* a, const Place& b) const;
    bool operator()(const Place& a, const Item* b) const;
    bool operator()(const Item* a, std::string_view key) const { return a->key < key; }
    bool operator()(std::string_view key, const Item* b) const { return key < b->key; }
  };
  using Items = OrderedSet<Item*, Less>;

  std::size_t memory_held() const REQUIRES(mutex_) { return items_.memory() + item_bytes_; }
  void add(std::string key, const Entry* document) REQUIRES(mutex_);
  void remove(const std::string& key, const Entry* document) REQUIRES(mutex_);
  static void free(const Items& items);

  const IndexDefinition definition_;
  mutable Mutex mutex_;
  Items items_ GUARDED_BY(mutex_);
  std::size_t item_bytes_ GUARDED_BY(mutex_) = 0;
  std::atomic<bool> complete_{false};
  std::atomic<bool> retired_{false};
  std::atomic<bool> multikey_{false};
  std::atomic<bool> refused_some_{false};
};
using IndexPointer = std::shared_ptr<Index>;
using IndexList = std::vector<IndexPointer>;

}  // namespace kimdb::engine
