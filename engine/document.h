// A document as it lies in the keyspace kDocuments:
//
//   key    collection, '/', id                    a collection's name has no '/'
//   value  version varint, created_at varint, updated_at varint, body
//
// The body is the JSON object as it was given, without white space between its tokens and without
// the members that kimdb itself says (id, _version, created_at, updated_at). As it is shown, these
// are in it: {"id":"u1",…,"_version":3,"created_at":"2026-11-21T08:00:00.000Z","updated_at":"…"}.
// Times are Unix milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kimdb::engine {

constexpr std::size_t kDocumentIdBytesMax = 256;

// 1 to 64 of A-Z a-z 0-9 _ -, not beginning with _, and none that something else has as a path of
// HTTP: collections, crdt, indexes, kv, sql, tx.
bool is_collection_name(std::string_view name);
// UTF-8, 1 to kDocumentIdBytesMax bytes.
bool is_document_id(std::string_view id);

// Of a document, that kimdb itself says: id, _version, created_at, updated_at, _times.
bool is_own_member(std::string_view name);
// Of a document whose fields have times (engine/field_merge.h).
constexpr std::string_view kTimesMember = "_times";

struct DocumentKey {
  std::string_view collection;
  std::string_view id;
};
std::string document_key(std::string_view collection, std::string_view id);
DocumentKey split_document_key(std::string_view key);

struct Document {
  std::uint64_t version = 0;  // from 1, up by one a change
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
  std::string_view body;
};
std::string encode_document(const Document& document);
// Borrows from `value`, which encode_document made.
Document read_document(std::string_view value);
// As it is shown.
void append_document(std::string& out, std::string_view id, const Document& document);

// A document that comes from outside.
struct GivenDocument {
  std::string body;
  std::optional<std::string> id;  // where it has a member of that name
  // Of its members those that look like operators ("$inc").
  std::vector<std::string> operators = {};
};
// An error says what is wrong with the text. Members that kimdb itself says are taken off.
Result<GivenDocument> parse_document(std::string_view text);

}  // namespace kimdb::engine
