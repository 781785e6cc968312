#include "database/document_call.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ulid.h"
#include "database/arguments.h"
#include "database/database.h"
#include "engine/document.h"
#include "engine/field_merge.h"
#include "engine/json_tree.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

using Kind = DocumentCall::Kind;

constexpr std::string_view kNoId = "ERR a document's id has 1 to 256 bytes of UTF-8";

std::string check_names(std::string_view collection, std::string_view id) {
  if (!engine::is_collection_name(collection)) return std::string(kNoCollection);
  if (!engine::is_document_id(id)) return std::string(kNoId);
  return {};
}

// IFVERSION, the only option of the commands that change one document: a version, <version>-<lsn>
// as an ETag says it, or * for any.
std::string take_options(Words words, DocumentCall& call) {
  if (words.empty()) return {};
  if (words.size() != 2 || !is_word(words[0], "ifversion")) return "ERR syntax error";
  if (words[1] == "*") {
    call.any_version = true;
    return {};
  }
  const std::size_t dash = words[1].find('-');
  const auto version = protocol::parse_integer(words[1].substr(0, dash));
  const auto lsn = dash == std::string_view::npos
                       ? std::optional<std::int64_t>(0)
                       : protocol::parse_integer(words[1].substr(dash + 1));
  if (!version || *version < 0 || !lsn || *lsn < 0)
    return "ERR value is not an integer or out of range";
  call.version = static_cast<std::uint64_t>(*version);
  call.lsn = static_cast<Lsn>(*lsn);
  return {};
}

// A document is any object ("$schema" is a name like any other), but who sends one of MongoDB's
// updates wants to change the document, not to replace it by that.
std::string refuse_update(const std::vector<std::string>& operators) {
  constexpr std::array<std::string_view, 15> kUpdates = {
      "$set",         "$unset",    "$setOnInsert", "$inc",  "$mul",     "$min",  "$max", "$rename",
      "$currentDate", "$addToSet", "$pop",         "$pull", "$pullAll", "$push", "$bit"};
  for (const std::string& name : operators)
    if (std::find(kUpdates.begin(), kUpdates.end(), name) != kUpdates.end())
      return "ERR a document has no member " + name +
             ", which is how MongoDB changes one: DOC MERGE and DOC PATCH do that here";
  return {};
}

// What is put: its body, under the id named, the one it says itself, or a new one.
std::string take_document(Database& database, std::string_view collection, std::string_view named,
                          std::string_view json, DocumentCall& call) {
  auto given = engine::parse_document(json);
  if (!given) return error_reply(given.error());
  if (std::string wrong = refuse_update(given->operators); !wrong.empty()) return wrong;
  if (named != "*" && given->id && *given->id != named)
    return "ERR the document says that its id is another one";
  const std::string id = named != "*" ? std::string(named)
                         : given->id  ? *given->id
                                      : make_ulid(database.now_ms(), database.random());
  if (std::string wrong = check_names(collection, id); !wrong.empty()) return wrong;
  call.key = engine::document_key(collection, id);
  call.json = std::move(given->body);
  return {};
}

std::string take_merge(std::string_view json, DocumentCall& call) {
  auto given = engine::parse_document(json);
  if (!given) return error_reply(given.error());
  if (!given->operators.empty())
    return "ERR a merge has members and their values, no operators: " + given->operators[0] +
           " (DOC PATCH changes a member of such a name)";
  call.json = std::move(given->body);
  return {};
}

std::string take_patch(std::string_view json, DocumentCall& call) {
  const auto tree = engine::parse_json_tree(json);
  if (!tree) return error_reply(tree.error());
  if (tree->kind != engine::JsonKind::array) return "ERR a JSON Patch is an array";
  call.json = json;
  return {};
}

// Clocks of clients may be wrong; a time far ahead would win for as long.
constexpr std::int64_t kClockSkewMs = 60'000;

std::string take_fields(Database& database, std::string_view json, DocumentCall& call) {
  const auto tree = engine::parse_json_tree(json);
  if (!tree) return error_reply(tree.error());
  const Status checked = engine::check_field_writes(*tree, database.now_ms() + kClockSkewMs);
  if (!checked) return error_reply(checked.error());
  call.json = json;
  return {};
}

// DOC <name> collection id …, its options from words[options] on.
std::string prepare_one(Words words, Kind kind, std::size_t options, DocumentCall& call) {
  call.kind = kind;
  if (std::string wrong = check_names(words[2], words[3]); !wrong.empty()) return wrong;
  call.key = engine::document_key(words[2], words[3]);
  return take_options(words.subspan(options), call);
}

// One item of BULK: {"id": …, "op": "put"|"insert"|"merge"|"patch"|"delete", "data": …,
// "ifVersion": n}.
std::string take_item(Database& database, std::string_view collection, const engine::JsonNode& item,
                      DocumentCall& call) {
  if (item.kind != engine::JsonKind::object) return "ERR is no object";
  const auto text_of = [&](std::string_view name) -> std::optional<std::string> {
    const engine::JsonMember* member = item.find(name);
    if (member == nullptr || member->value.kind != engine::JsonKind::string) return std::nullopt;
    return engine::decode_json_string(member->value.text);
  };
  for (const engine::JsonMember& member : item.members)
    if (member.name != "id" && member.name != "op" && member.name != "data" &&
        member.name != "ifVersion")
      return "ERR has a member that there is not: " + member.name;
  if (item.find("id") != nullptr && !text_of("id")) return "ERR has an id that is no string";
  if (item.find("op") != nullptr && !text_of("op")) return "ERR has an op that is no string";
  if (const engine::JsonMember* version = item.find("ifVersion")) {
    const auto number = protocol::parse_integer(version->value.text);
    if (!number || *number < 0) return "ERR has an ifVersion that is no version";
    call.version = static_cast<std::uint64_t>(*number);
  }
  const std::string op = text_of("op").value_or("put");
  const std::string id = text_of("id").value_or("*");
  std::string data;
  if (const engine::JsonMember* member = item.find("data"))
    engine::append_json(data, member->value);
  else if (op != "delete")
    return "ERR has no data";
  if (op == "put" || op == "insert") {
    call.kind = op == "put" ? Kind::put : Kind::insert;
    return take_document(database, collection, id, data, call);
  }
  if (std::string wrong = check_names(collection, id); !wrong.empty()) return wrong;
  call.key = engine::document_key(collection, id);
  if (op == "merge") {
    call.kind = Kind::merge;
    return take_merge(data, call);
  }
  if (op == "patch") {
    call.kind = Kind::patch;
    return take_patch(data, call);
  }
  call.kind = Kind::remove;
  return op == "delete" ? "" : "ERR has an op that there is not: " + op;
}

}  // namespace

std::string error_reply(const Error& error) { return "ERR " + error.message; }

std::string item_error(std::size_t index, std::string_view why) {
  if (why.starts_with("ERR ")) why.remove_prefix(4);
  return "ERR item " + std::to_string(index) + ": " + std::string(why);
}

std::string prepare_doc_get(Database&, Words words, Prepared& prepared) {
  return prepare_one(words, Kind::read, words.size(), prepared.documents.emplace_back());
}

std::string prepare_doc_del(Database&, Words words, Prepared& prepared) {
  return prepare_one(words, Kind::remove, 4, prepared.documents.emplace_back());
}

std::string prepare_doc_put(Database& database, Words words, Prepared& prepared) {
  DocumentCall& call = prepared.documents.emplace_back();
  call.kind = Kind::put;
  std::string wrong = take_document(database, words[2], words[3], words[4], call);
  return wrong.empty() ? take_options(words.subspan(5), call) : wrong;
}

std::string prepare_doc_merge(Database&, Words words, Prepared& prepared) {
  DocumentCall& call = prepared.documents.emplace_back();
  std::string wrong = prepare_one(words, Kind::merge, 5, call);
  return wrong.empty() ? take_merge(words[4], call) : wrong;
}

std::string prepare_doc_patch(Database&, Words words, Prepared& prepared) {
  DocumentCall& call = prepared.documents.emplace_back();
  std::string wrong = prepare_one(words, Kind::patch, 5, call);
  return wrong.empty() ? take_patch(words[4], call) : wrong;
}

std::string prepare_doc_setfields(Database& database, Words words, Prepared& prepared) {
  DocumentCall& call = prepared.documents.emplace_back();
  std::string wrong = prepare_one(words, Kind::set_fields, 5, call);
  return wrong.empty() ? take_fields(database, words[4], call) : wrong;
}

std::string prepare_doc_bulk(Database& database, Words words, Prepared& prepared) {
  if (!engine::is_collection_name(words[2])) return std::string(kNoCollection);
  const auto items = engine::parse_json_tree(words[3]);
  if (!items) return error_reply(items.error());
  if (items->kind != engine::JsonKind::array) return "ERR BULK takes an array of items";
  for (std::size_t i = 0; i < items->items.size(); ++i) {
    DocumentCall& call = prepared.documents.emplace_back();
    const std::string wrong = take_item(database, words[2], items->items[i], call);
    if (!wrong.empty()) return item_error(i, wrong);
  }
  return {};
}

}  // namespace kimdb::database
