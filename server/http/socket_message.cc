#include "server/http/socket_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "engine/document.h"
#include "engine/json_tree.h"
#include "engine/request_log.h"
#include "protocol/numbers.h"
#include "server/http/failure.h"
#include "server/http/transaction_results.h"

namespace kimdb::server {

namespace {

using engine::JsonKind;
using engine::JsonMember;
using engine::JsonNode;
using protocol::Value;
using Kind = SocketCall::Kind;

constexpr std::string_view kLimitDefault = "100";
constexpr std::size_t kLiveLimitMax = 1000;

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string json_of(const JsonNode& node) {
  std::string out;
  engine::append_json(out, node);
  return out;
}

// A message as it is read; what is wrong with it is remembered until somebody asks.
class Message {
 public:
  explicit Message(const JsonNode& tree) : tree_(tree) {}

  bool has(std::string_view name) { return find(name) != nullptr; }
  // A text that must be there; empty, and wrong, where it is not.
  std::string text(std::string_view name) {
    const JsonMember* member = find(name);
    if (member == nullptr || member->value.kind != JsonKind::string) {
      complain(std::string(name) + " takes a text");
      return {};
    }
    return engine::decode_json_string(member->value.text);
  }
  std::string text_or(std::string_view name, std::string_view otherwise) {
    return has(name) ? text(name) : std::string(otherwise);
  }
  std::string object(std::string_view name) {
    const JsonMember* member = find(name);
    if (member == nullptr || member->value.kind != JsonKind::object) {
      complain(std::string(name) + " takes an object");
      return {};
    }
    return json_of(member->value);
  }
  std::string object_or(std::string_view name, std::string_view otherwise) {
    return has(name) ? object(name) : std::string(otherwise);
  }
  // A number that is 0 or more, as it is written.
  std::string number_or(std::string_view name, std::string_view otherwise) {
    const JsonMember* member = find(name);
    if (member == nullptr) return std::string(otherwise);
    const auto number = member->value.kind == JsonKind::number
                            ? protocol::parse_integer(member->value.text)
                            : std::nullopt;
    if (!number || *number < 0) complain(std::string(name) + " takes a number");
    return std::string(member->value.text);
  }
  // Null, and wrong, where it is none.
  const JsonNode* array(std::string_view name) {
    const JsonMember* member = find(name);
    if (member != nullptr && member->value.kind == JsonKind::array) return &member->value;
    complain(std::string(name) + " takes an array");
    return nullptr;
  }
  bool flag(std::string_view name) {
    const JsonMember* member = find(name);
    if (member != nullptr && member->value.kind != JsonKind::boolean)
      complain(std::string(name) + " takes true or false");
    return member != nullptr && member->value.text == "true";
  }
  // As it is, or null.
  std::string json(std::string_view name) {
    const JsonMember* member = find(name);
    return member == nullptr ? "null" : json_of(member->value);
  }

  // What nobody has asked for is no part of such a message.
  void complain_of_others() {
    for (const JsonMember& member : tree_.members)
      if (std::find(asked_.begin(), asked_.end(), member.name) == asked_.end())
        complain("this message has no member \"" + member.name + "\"");
  }
  void complain(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }
  const std::string& problem() const { return problem_; }

 private:
  const JsonMember* find(std::string_view name) {
    asked_.push_back(name);
    return tree_.find(name);
  }

  const JsonNode& tree_;
  std::vector<std::string_view> asked_;  // names that are literals
  std::string problem_;
};

// --- what replies become ---

std::string version_member(std::int64_t version) {
  return ",\"_version\":" + std::to_string(version);
}

// Of [id, version].
std::string show_put(const SocketCall&, const Value& reply) {
  return text_member("id", reply.elements[0].string) + version_member(reply.elements[1].integer);
}

std::string show_removed(const SocketCall& call, const Value& reply) {
  return text_member("id", call.id) + ",\"deleted\":" + (reply.integer == 0 ? "false" : "true");
}

std::string show_document(const SocketCall& call, const Value& reply) {
  return text_member("id", call.id) + ",\"data\":" + (reply.is_null() ? "null" : reply.string);
}

// Of [cursor, [documents]].
std::string show_found(const SocketCall&, const Value& reply) {
  const std::vector<Value>& documents = reply.elements[1].elements;
  std::string out = ",\"count\":" + std::to_string(documents.size()) + ",\"data\":[";
  for (const Value& document : documents) {
    if (out.back() != '[') out += ',';
    out += document.string;
  }
  const Value& next = reply.elements[0];
  return out + "],\"next\":" + (next.is_null() ? "null" : json_string(next.string));
}

// --- what messages ask for ---

void put(Message& message, SocketCall& call, std::string_view type, std::string_view condition) {
  call.reply_type = type;
  call.words = {"DOC", "PUT", call.collection, message.has("id") ? message.text("id") : "*",
                message.object("data")};
  if (!condition.empty())
    call.words.insert(call.words.end(), {"IFVERSION", std::string(condition)});
  call.answer = show_put;
}

void read_ping(Message& message, SocketCall& call) {
  call.kind = Kind::answered;
  call.reply = socket_reply(call, "pong", ",\"time\":" + message.json("time"));
}

void read_auth(Message& message, SocketCall& call) {
  call.kind = Kind::auth;
  call.reply_type = "auth_ok";
  if (message.has("token"))
    call.words = {"AUTH", message.text("token")};
  else
    call.words = {"AUTH", message.text("user"), message.text("password")};
}

void read_subscribe(Message& message, SocketCall& call) {
  call.kind = Kind::subscribe;
  call.reply_type = "subscribed";
  if (!engine::is_collection_name(call.collection))
    message.complain("there are no collections of this name");
  call.filter = message.object_or("filter", "");
  if (!message.has("since")) return;
  call.since = database::parse_feed_position(message.text("since"));
  if (!call.since) message.complain("since takes a position that a message had");
}

// {"collection":…}, or {"queryId":…} of a live query.
void read_unsubscribe(Message& message, SocketCall& call) {
  call.reply_type = "unsubscribed";
  call.kind = message.has("queryId") ? Kind::end_query : Kind::unsubscribe;
  if (message.has("queryId"))
    call.query_id = message.text("queryId");
  else
    call.collection = message.text("collection");
}

void read_create(Message& message, SocketCall& call) { put(message, call, "created", "0"); }
void read_insert(Message& message, SocketCall& call) { put(message, call, "insert_ok", "0"); }
void read_doc_save(Message& message, SocketCall& call) { put(message, call, "doc_save_ok", ""); }

void read_update(Message& message, SocketCall& call) {
  call.id = message.text("id");
  put(message, call, "update_ok", message.number_or("ifVersion", "*"));
  call.shows_conflict = message.has("ifVersion");
  call.must_exist = !call.shows_conflict;
}

void read_delete(Message& message, SocketCall& call) {
  call.reply_type = "delete_ok";
  call.id = message.text("id");
  call.words = {"DOC", "DEL", call.collection, call.id};
  if (message.has("ifVersion"))
    call.words.insert(call.words.end(), {"IFVERSION", message.number_or("ifVersion", "")});
  call.answer = show_removed;
}

void read_get(Message& message, SocketCall& call) {
  call.reply_type = call.type + "_ok";
  call.id = message.text("id");
  call.words = {"DOC", "GET", call.collection, call.id};
  call.answer = show_document;
}

// {"filter":…,"sort":"-age,name","fields":"a,b","limit":20,"after":…}
void read_find(Message& message, SocketCall& call) {
  call.reply_type = call.type + "_ok";
  if (!message.flag("live")) {
    if (message.has("queryId")) message.complain("queryId stands beside live: true");
  } else {
    call.kind = Kind::live_query;
    call.query_id = message.text("queryId");
    call.echo += text_member("queryId", call.query_id);
    const std::string limit = message.number_or("limit", kLimitDefault);
    if (limit.size() > 4 || std::stoul("0" + limit) > kLiveLimitMax)
      message.complain("a live query has a limit of at most 1000");
  }
  call.words = {"DOC",           "FIND",
                call.collection, message.object_or("filter", "{}"),
                "LIMIT",         message.number_or("limit", kLimitDefault)};
  for (const std::string_view option : {"sort", "fields", "after"})
    if (message.has(option))
      call.words.insert(call.words.end(), {std::string(option), message.text(option)});
  call.filter = call.words[3];
  call.answer = show_found;
}

// Of [version, [fields that were set]].
std::string show_merged(const SocketCall& call, const Value& reply) {
  std::string out =
      text_member("id", call.id) + version_member(reply.elements[0].integer) + ",\"applied\":[";
  for (const Value& name : reply.elements[1].elements) {
    if (out.back() != '[') out += ',';
    out += json_string(name.string);
  }
  return out + "]";
}

// {"id":…,"fields":{"name":{"value":…,"ts":ms}}}
void read_merge(Message& message, SocketCall& call) {
  call.reply_type = "merge_ok";
  call.id = message.text("id");
  call.words = {"DOC", "SETFIELDS", call.collection, call.id, message.object("fields")};
  call.answer = show_merged;
}

// Of [position, more, [changes]].
std::string show_changes(const SocketCall& call, const Value& reply) {
  std::string out = ",\"changes\":[";
  for (const Value& change : reply.elements[2].elements) {
    if (out.back() != '[') out += ',';
    out += "{\"event\":" + json_string(change.elements[1].string) +
           text_member("id", change.elements[3].string);
    if (!change.elements[5].is_null())
      out += ",\"data\":" + change.elements[5].string + version_member(change.elements[7].integer);
    out += text_member("position", change.elements[9].string) +
           ",\"timestamp\":" + std::to_string(change.elements[11].integer) + "}";
  }
  return out + "]" + text_member("position", reply.elements[0].string) +
         ",\"more\":" + (reply.elements[1].integer != 0 ? "true" : "false") +
         ",\"serverTime\":" + std::to_string(call.received_ms);
}

// {"collection":…,"since":…,"limit":n}
void read_sync(Message& message, SocketCall& call) {
  call.reply_type = "sync_response";
  call.words = {"DOC", "CHANGES", call.collection};
  if (message.has("since")) call.words.insert(call.words.end(), {"SINCE", message.text("since")});
  if (message.has("limit"))
    call.words.insert(call.words.end(), {"LIMIT", message.number_or("limit", "")});
  call.answer = show_changes;
}

std::string show_transaction(const SocketCall& call, const Value& reply) {
  return ",\"results\":" + transaction_results(call.commands, reply);
}

// {"commands":[["SET","k","v"],…],"isolation":"serializable"}: all of them or none.
void read_transaction(Message& message, SocketCall& call) {
  call.reply_type = "tx_ok";
  call.answer = show_transaction;
  if (message.array("commands") == nullptr) return;
  call.commands = message.json("commands");
  call.words = {"TX", call.commands};
  const std::string isolation = message.text_or("isolation", "snapshot");
  if (isolation == "serializable")
    call.words.emplace_back("SERIALIZABLE");
  else if (isolation != "snapshot")
    message.complain("isolation is snapshot or serializable");
}

void read_batch(Message& message, SocketCall& call);

struct Type {
  std::string_view name;
  void (*read)(Message& message, SocketCall& call);
  bool has_collection = true;
};

constexpr std::array kTypes = {
    Type{"ping", read_ping, false},
    Type{"auth", read_auth, false},
    Type{"subscribe", read_subscribe},
    Type{"unsubscribe", read_unsubscribe, false},
    Type{"create", read_create},
    Type{"insert", read_insert},
    Type{"update", read_update},
    Type{"delete", read_delete},
    Type{"get", read_get},
    Type{"list", read_find},
    Type{"query", read_find},
    Type{"doc_get", read_get},
    Type{"doc_save", read_doc_save},
    Type{"merge", read_merge},
    Type{"sync", read_sync},
    Type{"batch_sync", read_batch, false},
    Type{"tx", read_transaction, false},
};

const Type* find_type(std::string_view name) {
  const auto* const type = std::find_if(kTypes.begin(), kTypes.end(),
                                        [&](const Type& each) { return each.name == name; });
  return type == kTypes.end() ? nullptr : type;
}

// One of a batch's operations: {"opId":7,"type":"update","collection":…,…}. Its echo is the number.
SocketCall read_operation(const JsonNode& node, const std::string& client) {
  constexpr std::array<std::string_view, 5> kBatched = {"create", "insert", "update", "merge",
                                                        "delete"};
  Message message(node);
  SocketCall call;
  call.echo = message.number_or("opId", "0");
  call.type = message.text("type");
  call.collection = message.text("collection");
  if (std::find(kBatched.begin(), kBatched.end(), call.type) == kBatched.end())
    message.complain("an operation's type is create, insert, update, merge or delete");
  else
    find_type(call.type)->read(message, call);
  message.complain_of_others();
  if (!message.problem().empty()) {
    call.kind = Kind::answered;
    call.reply = message.problem();
    return call;
  }
  call.shows_conflict = false;
  call.words.insert(call.words.begin(), {"ID", client, call.echo});
  return call;
}

// {"clientId":…,"operations":[…]}: whoever sends it again gets the same answers.
void read_batch(Message& message, SocketCall& call) {
  constexpr std::size_t kOperationsMax = engine::RequestLog::kResultsKept;
  call.kind = Kind::batch;
  call.reply_type = "batch_sync_ok";
  const std::string client = message.text("clientId");
  const JsonNode* operations = message.array("operations");
  if (operations == nullptr) return;
  if (operations->items.size() > kOperationsMax)
    return message.complain("a batch has at most " + std::to_string(kOperationsMax) +
                            " operations");
  std::optional<std::uint64_t> before;
  for (const JsonNode& item : operations->items) {
    const auto* number = item.find("opId");
    const auto id = number == nullptr || number->value.kind != JsonKind::number
                        ? std::nullopt
                        : protocol::parse_integer(number->value.text);
    if (!id || *id < 1 || (before && static_cast<std::uint64_t>(*id) <= *before))
      return message.complain("opId is a whole number from 1, higher with each operation");
    before = static_cast<std::uint64_t>(*id);
    call.operations.push_back(read_operation(item, client));
  }
}

// Whether it is such a reply. One that was kept is what the number's operation was answered then,
// which may have been another one.
bool is_answer(const SocketCall& operation, const Value& reply) {
  if (operation.answer == show_removed) return reply.type == Value::Type::integer;
  if (!reply.is_list() || reply.elements.size() != 2) return false;
  return operation.answer == show_put ? reply.elements[0].type == Value::Type::bulk
                                      : reply.elements[1].is_list();
}

SocketCall failed(std::string_view echo, std::string_view code, std::string_view message) {
  SocketCall call;
  call.kind = Kind::answered;
  call.reply = socket_error(echo, code, message);
  return call;
}

}  // namespace

std::string text_member(std::string_view name, std::string_view text) {
  std::string out = ",\"" + std::string(name) + "\":";
  append_json_string(out, text);
  return out;
}

std::string socket_reply(const SocketCall& call, std::string_view type, std::string_view members) {
  std::string out = "{\"type\":\"" + std::string(type) + "\"" + call.echo;
  out += members;
  return out + "}";
}

std::string socket_error(std::string_view echo, std::string_view code, std::string_view message) {
  std::string out = "{\"type\":\"error\"" + std::string(echo);
  out += text_member("code", code);
  out += text_member("message", is_utf8(message) ? message : "(no text)");
  return out + "}";
}

std::string socket_answer(const SocketCall& call, const Value& reply) {
  if (reply.is_error()) {
    const Failure failure = failure_of(reply.string);
    if (call.must_exist && failure.code == "conflict")
      return socket_error(call.echo, "not_found", "document not found");
    return socket_error(call.echo, failure.code, failure.detail);
  }
  std::string members;
  if (!call.collection.empty()) members += text_member("collection", call.collection);
  if (call.answer != nullptr) members += call.answer(call, reply);
  return socket_reply(call, call.reply_type, members);
}

std::string batch_result(const SocketCall& operation, const Value* reply) {
  const std::string head = "{\"opId\":" + operation.echo + ",\"success\":";
  const auto refused = [&](std::string_view code, std::string_view message) {
    return head + "false" + text_member("code", code) +
           text_member("message", is_utf8(message) ? message : "(no text)") + "}";
  };
  if (reply == nullptr) return refused("bad_request", operation.reply);
  if (reply->is_error()) {
    const Failure failure = failure_of(reply->string);
    if (operation.must_exist && failure.code == "conflict")
      return refused("not_found", "document not found");
    return refused(failure.code, failure.detail);
  }
  if (!is_answer(operation, *reply))
    return refused("conflict", "this opId was another operation's");
  return head + "true" + operation.answer(operation, *reply) + "}";
}

SocketCall read_socket_message(std::string_view text, std::int64_t now_ms) {
  const auto tree = engine::parse_json_tree(text);
  if (!tree) return failed("", "invalid_json", tree.error().message);
  if (tree->kind != JsonKind::object)
    return failed("", "bad_request", "a message is a JSON object");
  Message message(*tree);
  const std::string echo =
      message.has("requestId") ? ",\"requestId\":" + message.json("requestId") : "";
  SocketCall call;
  call.type = message.text("type");
  call.echo = echo;
  call.received_ms = now_ms;
  if (!message.problem().empty()) return failed(echo, "bad_request", message.problem());
  const Type* type = find_type(call.type);
  if (type == nullptr) return failed(echo, "unknown_type", "Unknown message type: " + call.type);
  if (type->has_collection) call.collection = message.text("collection");
  type->read(message, call);
  message.complain_of_others();
  if (!message.problem().empty()) return failed(echo, "bad_request", message.problem());
  return call;
}

}  // namespace kimdb::server
