#include "engine/index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "engine/json_reader.h"

namespace kimdb::engine {

namespace {

constexpr char kUnique = 1;
constexpr char kHash = 2;

std::size_t memory_of(const CollectionIndex::Item& item) {
  return sizeof item + (item.key.capacity() > 15 ? item.key.capacity() + 1 : 0);
}

std::string_view id_of(const Entry* document) { return split_document_key(document->key()).id; }

std::string null_part(bool descending) {
  return std::string(1, descending ? static_cast<char>(~0x10) : '\x10');
}

// The parts that one field gives. What is not there counts as null, as it does in sorting; an empty
// array is both that and itself.
std::vector<std::string> field_parts(const SortField& field, const JsonElement& document) {
  std::vector<std::string> parts;
  const auto add = [&](const JsonElement& value) {
    append_key_part(parts.emplace_back(), value, field.descending);
  };
  bool has_item = false;
  any_value(document, field.path, 0, [&](const JsonElement& value) {
    add(value);
    if (!value.is_array()) {
      has_item = true;
      return false;
    }
    for (const JsonElement item : simdjson::dom::array(value)) {
      add(item);
      has_item = true;
    }
    return false;
  });
  if (!has_item) parts.push_back(null_part(field.descending));
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
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
  constexpr std::array<std::string_view, 4> kOwn = {"id", "_version", "created_at", "updated_at"};
  for (const SortField& field : *order)
    if (std::find(kOwn.begin(), kOwn.end(), field.path.front()) != kOwn.end())
      return Error{ErrorCode::invalid_argument,
                   "what kimdb itself says of a document cannot be indexed: " + field.path.front()};
  return IndexDefinition{.collection = std::string(collection),
                         .name = std::string(name),
                         .fields = std::string(fields),
                         .order = std::move(*order),
                         .unique = unique,
                         .hash = hash};
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
  for (const SortField& field : definition.order) {
    const auto byte = [&](std::size_t i) {
      return static_cast<unsigned char>(field.descending ? ~key[i] : key[i]);
    };
    std::size_t size = 1;
    switch (byte(0)) {
      case 0x10:
        return true;
      case 0x20:
        size = 11;
        break;
      case 0x60:
      case 0x61:
        break;
      default:  // text up to 00 00; a 00 in it is followed by ff
        while (byte(size) != 0 || byte(size + 1) != 0) size += byte(size) == 0 ? 2 : 1;
        size += 2;
    }
    key.remove_prefix(size);
  }
  return false;
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
    for (const std::string& key : keys)
      for (const std::string& part : parts) longer.push_back(key + part);
    keys = std::move(longer);
  }
  for (std::string& key : keys) key = finish_index_key(definition, std::move(key));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// --- a partition's share ---

bool CollectionIndex::Less::operator()(const Item* a, const Item* b) const {
  const int order = a->key.compare(b->key);
  return order != 0 ? order < 0 : id_of(a->document) < id_of(b->document);
}

bool CollectionIndex::Less::operator()(const Item* a, const Place& b) const {
  const int order = a->key.compare(b.key);
  return order != 0 ? order < 0 : id_of(a->document) < b.id;
}

bool CollectionIndex::Less::operator()(const Place& a, const Item* b) const {
  const int order = a.key.compare(b->key);
  return order != 0 ? order < 0 : a.id < id_of(b->document);
}

CollectionIndex::~CollectionIndex() {
  for (auto position = items_.begin(); position != items_.end(); position = items_.next(position))
    delete items_[position];
}

void CollectionIndex::replace(const Entry* before, const Entry* after) {
  const auto keys_of = [&](const Entry* document) -> std::vector<std::string> {
    if (document == nullptr) return {};
    auto keys = index_keys(*definition_, read_document(document->value()).body);
    if (keys) return std::move(*keys);
    refused_some_ = true;
    return {};
  };
  const std::vector<std::string> old_keys = keys_of(before);
  std::vector<std::string> new_keys = keys_of(after);
  multikey_ = multikey_ || new_keys.size() > 1;
  for (const std::string& key : old_keys) remove(key, before);
  for (std::string& key : new_keys) add(std::move(key), after);
}

void CollectionIndex::add(std::string key, const Entry* document) {
  auto item = std::make_unique<Item>(Item{std::move(key), document});
  const std::size_t bytes = memory_of(*item);
  if (!items_.insert(item.get())) return;
  (void)item.release();
  item_bytes_ += bytes;
}

void CollectionIndex::remove(const std::string& key, const Entry* document) {
  Item sought{key, document};
  const auto position = items_.lower_bound(&sought);
  if (position == items_.end() || Less{}(&sought, items_[position])) return;
  const std::unique_ptr<Item> item(items_[position]);
  item_bytes_ -= memory_of(*item);
  items_.erase(&sought);
}

}  // namespace kimdb::engine
