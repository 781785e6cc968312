#include "engine/index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "engine/json_reader.h"

namespace kimdb::engine {

namespace {

constexpr char kUnique = 1;
constexpr char kHash = 2;

// Of a string, what it holds elsewhere.
std::size_t memory_of(const std::string& text) {
  return text.capacity() > 15 ? text.capacity() + 1 : 0;
}

// The parts that one field gives: what it is sorted by, so that the index is in that order, and
// what a condition may find, which is more where a number of the path is a name in an array's
// objects, too.
std::vector<std::string> field_parts(const SortField& field, const JsonElement& document) {
  std::vector<std::string> parts;
  add_sort_parts(parts, document, field, kIndexKeysMax);
  if (std::none_of(field.path.begin(), field.path.end(), item_index)) return parts;
  const auto add = [&](const JsonElement& value) {
    append_key_part(parts.emplace_back(), value, field.descending);
    if (parts.size() < 2 * kIndexKeysMax) return false;
    sort_parts(parts);
    return parts.size() > kIndexKeysMax;
  };
  any_value(document, field.path, [&](FoundAs as, const JsonElement& value) {
    if (as == FoundAs::nothing) {
      append_null_part(parts.emplace_back(), field.descending);
      return false;
    }
    if (as == FoundAs::item || !value.is_array()) return add(value);
    const simdjson::dom::array items(value);
    return std::any_of(items.begin(), items.end(), add);
  });
  sort_parts(parts);
  return parts;
}

}  // namespace

Result<IndexDefinition> make_index_definition(std::string_view collection, std::string_view name,
                                              std::string_view fields, bool unique, bool hash) {
  auto order = parse_sort_order(fields);
  if (!order) return std::move(order).error();
  if (unique && hash)
    return Error{ErrorCode::invalid_argument,
                 "a unique index keeps its keys: it cannot be by hash"};
  if (order->size() > kIndexFieldsMax)
    return Error{ErrorCode::invalid_argument,
                 "an index has at most " + std::to_string(kIndexFieldsMax) + " fields"};
  for (const SortField& field : *order)
    if (is_own_member(field.path.front()))
      return Error{ErrorCode::invalid_argument,
                   "what kimdb itself says of a document cannot be indexed: " + field.path.front()};
  return IndexDefinition{.keyspace = kDocuments,
                         .collection = std::string(collection),
                         .name = std::string(name),
                         .fields = std::string(fields),
                         .order = std::move(*order),
                         .unique = unique,
                         .hash = hash,
                         .columns = {},
                         .row_keys = {}};
}

std::string index_key(const IndexDefinition& definition) {
  return definition.collection + "/" + definition.name;
}

std::string encode_index(const IndexDefinition& definition) {
  const int flags = (definition.unique ? kUnique : 0) | (definition.hash ? kHash : 0);
  return static_cast<char>(flags) + definition.fields;
}

Result<IndexDefinition> read_index(std::string_view key, std::string_view value) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos || value.empty())
    return Error{ErrorCode::corrupt, "no definition of an index"};
  return make_index_definition(key.substr(0, slash), key.substr(slash + 1), value.substr(1),
                               value[0] & kUnique, value[0] & kHash);
}

bool has_null_part(const IndexDefinition& definition, std::string_view key) {
  // Its keys have no parts any more; rows with a null stand in none.
  if (definition.hash) return false;
  return std::any_of(definition.order.begin(), definition.order.end(), [&](const SortField& field) {
    const auto tag = take_key_part(key, field.descending);
    return !tag || is_null_tag(*tag);
  });
}

std::string finish_index_key(const IndexDefinition& definition, std::string parts) {
  if (!definition.hash) return parts;
  const std::uint64_t hash = XXH3_64bits(parts.data(), parts.size());
  std::string key;
  for (int i = 7; i >= 0; --i) key += static_cast<char>(hash >> (8 * i));
  return key;
}

Result<std::vector<std::string>> index_keys(const IndexDefinition& definition,
                                            std::string_view body) {
  // Its own: the reader of this thread may hold what somebody looks at right now.
  thread_local JsonReader reader;
  JsonElement document;
  if (!reader.read(body, document))
    return Error{ErrorCode::corrupt, "the document is no JSON any more"};
  std::vector<std::string> keys(1);
  for (const SortField& field : definition.order) {
    const std::vector<std::string> parts = field_parts(field, document);
    if (keys.size() * parts.size() > kIndexKeysMax)
      return Error{ErrorCode::invalid_argument, "the document has more than " +
                                                    std::to_string(kIndexKeysMax) +
                                                    " keys in the index " + definition.name};
    std::vector<std::string> longer;
    std::size_t bytes = 0;
    for (const std::string& key : keys) {
      for (const std::string& part : parts) {
        bytes += key.size() + part.size();
        if (bytes > kIndexKeyBytesMax)
          return Error{
              ErrorCode::invalid_argument,
              "the document's keys in the index " + definition.name + " are longer than 256 KB"};
        longer.push_back(key + part);
      }
    }
    keys = std::move(longer);
  }
  for (std::string& key : keys) key = finish_index_key(definition, std::move(key));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// --- the keys ---

bool Index::Less::operator()(const Item* a, const Item* b) const {
  const int order = a->key.compare(b->key);
  return order != 0 ? order < 0 : a->document->key() < b->document->key();
}

bool Index::Less::operator()(const Item* a, const Place& b) const {
  const int order = a->key.compare(b.key);
  return order != 0 ? order < 0 : a->document->key() < b.document_key;
}

bool Index::Less::operator()(const Place& a, const Item* b) const {
  const int order = a.key.compare(b->key);
  return order != 0 ? order < 0 : a.document_key < b->document->key();
}

Index::~Index() {
  MutexLock lock(mutex_);
  free(items_);
}

void Index::free(const Items& items) {
  for (auto position = items.begin(); position != items.end(); position = items.next(position))
    delete items[position];
}

void Index::retire() {
  Items items;
  {
    MutexLock lock(mutex_);
    retired_.store(true, std::memory_order_release);
    complete_.store(false, std::memory_order_release);
    std::swap(items, items_);
    item_bytes_ = 0;
  }
  free(items);  // of a million that takes a while
}

std::size_t Index::size() const {
  MutexLock lock(mutex_);
  return items_.size();
}

std::size_t Index::memory() const {
  MutexLock lock(mutex_);
  return memory_held();
}

std::int64_t Index::replace(const Entry* before, const Entry* after) {
  if (retired()) return 0;
  const auto keys_of = [&](const Entry* document) -> std::vector<std::string> {
    if (document == nullptr) return {};
    if (definition_.row_keys) return definition_.row_keys(document->value());
    auto keys = index_keys(definition_, read_document(document->value()).body);
    if (keys) return std::move(*keys);
    refused_some_.store(true, std::memory_order_release);
    return {};
  };
  const std::vector<std::string> old_keys = keys_of(before);
  std::vector<std::string> new_keys = keys_of(after);
  MutexLock lock(mutex_);
  if (retired()) return 0;
  if (new_keys.size() > 1) multikey_.store(true, std::memory_order_release);
  const std::size_t held = memory_held();
  for (const std::string& key : old_keys) remove(key, before);
  for (std::string& key : new_keys) add(std::move(key), after);
  return static_cast<std::int64_t>(memory_held()) - static_cast<std::int64_t>(held);
}

void Index::add(std::string key, const Entry* document) {
  auto item = std::make_unique<Item>(Item{std::move(key), document});
  const std::size_t bytes = memory_of(item->key) + sizeof(Item);
  if (!items_.insert(item.get())) return;
  (void)item.release();
  item_bytes_ += bytes;
}

void Index::remove(const std::string& key, const Entry* document) {
  const Place place{key, document->key()};
  const auto position = items_.lower_bound(place);
  if (position == items_.end() || Less{}(place, items_[position])) return;
  const std::unique_ptr<Item> item(items_[position]);
  item_bytes_ -= memory_of(item->key) + sizeof(Item);
  items_.erase(item.get());
}

bool Index::find(const Range& range, std::size_t count, std::vector<Found>& found) const {
  // Of long keys fewer: writers wait meanwhile.
  constexpr std::size_t kBytesMax = 1 << 20;
  std::size_t bytes = 0;
  const auto add = [&](const Item& item) {
    found.push_back({item.key, std::string(item.document->key())});
    bytes += item.key.size();
  };
  MutexLock lock(mutex_);
  const auto here =
      range.last == nullptr ? Place{} : Place{range.last->key, range.last->document_key};
  if (range.backwards) {
    auto position = range.last != nullptr ? items_.lower_bound(here)
                    : range.end.empty()   ? items_.end()
                                          : items_.lower_bound(range.end);
    for (; count > 0 && position != items_.begin(); --count) {
      position = items_.previous(position);
      const Item& item = *items_[position];
      if (item.key < range.begin) return false;
      add(item);
      if (bytes > kBytesMax) return true;
    }
    return count == 0;
  }
  auto position =
      range.last != nullptr ? items_.upper_bound(here) : items_.lower_bound(range.begin);
  for (; count > 0 && position != items_.end(); --count, position = items_.next(position)) {
    const Item& item = *items_[position];
    if (!range.end.empty() && item.key >= range.end) return false;
    add(item);
    if (bytes > kBytesMax) return true;
  }
  return count == 0;
}

std::optional<std::pair<std::string, std::string>> Index::find_duplicate() const {
  MutexLock lock(mutex_);
  const Item* before = nullptr;
  for (auto position = items_.begin(); position != items_.end(); position = items_.next(position)) {
    const Item* item = items_[position];
    if (before != nullptr && before->key == item->key && !has_null_part(definition_, item->key))
      return std::pair(std::string(before->document->key()), std::string(item->document->key()));
    before = item;
  }
  return std::nullopt;
}

}  // namespace kimdb::engine
