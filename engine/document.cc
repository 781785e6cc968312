#include "engine/document.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/calendar.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "engine/json_reader.h"

namespace kimdb::engine {

namespace {

constexpr std::array<std::string_view, 5> kOwnMembers = {"id", "_version", "created_at",
                                                         "updated_at", kTimesMember};

// 2026-11-21T08:00:00.000Z, in quotes.
void append_quoted_time(std::string& out, std::int64_t unix_ms) {
  out += '"';
  append_time(out, unix_ms, 'T', false);
  out += "Z\"";
}

// Whether no object in it has a name twice and nothing nests too deep. simdjson does not look.
bool is_sound(const JsonElement& element, std::size_t depth = 1) {
  if (element.is_array()) {
    if (depth > kJsonDepthMax) return false;
    for (const JsonElement item : simdjson::dom::array(element))
      if (!is_sound(item, depth + 1)) return false;
  } else if (element.is_object()) {
    if (depth > kJsonDepthMax) return false;
    std::vector<std::string_view> names;
    for (const auto member : simdjson::dom::object(element)) {
      if (!is_sound(member.value, depth + 1)) return false;
      names.push_back(member.key);
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end();
  }
  return true;
}

bool has_special_member(const JsonElement& object) {
  for (const auto member : simdjson::dom::object(object))
    if (is_own_member(member.key) || member.key.starts_with('$')) return true;
  return false;
}

std::string without_white_space(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  if (simdjson::minify(text.data(), text.size(), out.data(), size) != simdjson::SUCCESS) return {};
  out.resize(size);
  return out;
}

}  // namespace

bool is_collection_name(std::string_view name) {
  constexpr std::array<std::string_view, 6> kReserved = {"collections", "crdt", "indexes",
                                                         "kv",          "sql",  "tx"};
  return !name.empty() && name.size() <= 64 && name[0] != '_' &&
         std::find(kReserved.begin(), kReserved.end(), name) == kReserved.end() &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

bool is_own_member(std::string_view name) {
  return std::find(kOwnMembers.begin(), kOwnMembers.end(), name) != kOwnMembers.end();
}

bool is_document_id(std::string_view id) {
  return !id.empty() && id.size() <= kDocumentIdBytesMax && is_utf8(id);
}

std::string document_key(std::string_view collection, std::string_view id) {
  std::string key;
  key.reserve(collection.size() + 1 + id.size());
  key += collection;
  key += '/';
  key += id;
  return key;
}

DocumentKey split_document_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {key, {}};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

std::string encode_document(const Document& document) {
  const auto created_at = static_cast<std::uint64_t>(document.created_at);
  const auto updated_at = static_cast<std::uint64_t>(document.updated_at);
  const std::size_t header =
      varint_size(document.version) + varint_size(created_at) + varint_size(updated_at);
  std::string value(header + document.body.size(), '\0');
  char* const end =
      put_varint(put_varint(put_varint(value.data(), document.version), created_at), updated_at);
  std::copy(document.body.begin(), document.body.end(), end);
  return value;
}

Document read_document(std::string_view value) {
  Document document;
  document.version = take_varint(value).value_or(0);
  document.created_at = static_cast<std::int64_t>(take_varint(value).value_or(0));
  document.updated_at = static_cast<std::int64_t>(take_varint(value).value_or(0));
  document.body = value;
  return document;
}

void append_document(std::string& out, std::string_view id, const Document& document) {
  out += "{\"id\":";
  append_json_string(out, id);
  if (document.body.size() > 2) {
    out += ',';
    out += document.body.substr(1, document.body.size() - 2);
  }
  out += ",\"_version\":";
  out += std::to_string(document.version);
  out += ",\"created_at\":";
  append_quoted_time(out, document.created_at);
  out += ",\"updated_at\":";
  append_quoted_time(out, document.updated_at);
  out += '}';
}

Result<GivenDocument> parse_document(std::string_view text) {
  JsonElement element;
  const bool read = JsonReader::of_this_thread().read(text, element);
  if (read && element.is_object() && is_sound(element) && !has_special_member(element))
    return GivenDocument{without_white_space(text), {}, {}};

  // What is wrong, or what is to be taken off or told.
  auto tree = parse_json_tree(text);
  if (!tree) return std::move(tree).error();
  if (!read) return Error{ErrorCode::invalid_argument, "invalid JSON"};
  if (tree->kind != JsonKind::object)
    return Error{ErrorCode::invalid_argument, "a document is a JSON object"};
  GivenDocument given;
  if (const JsonMember* id = tree->find("id")) {
    if (id->value.kind != JsonKind::string)
      return Error{ErrorCode::invalid_argument, "the document's id is no string"};
    given.id = decode_json_string(id->value.text);
  }
  std::erase_if(tree->members, [](const JsonMember& member) { return is_own_member(member.name); });
  for (const JsonMember& member : tree->members)
    if (member.name.starts_with('$')) given.operators.push_back(member.name);
  append_json(given.body, *tree);
  return given;
}

}  // namespace kimdb::engine
