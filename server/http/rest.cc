#include "server/http/rest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "base/ascii.h"
#include "base/utf8.h"
#include "engine/document.h"
#include "engine/json_tree.h"
#include "protocol/numbers.h"
#include "protocol/quoting.h"
#include "server/http/assets.h"
#include "server/http/failure.h"
#include "server/http/openapi.h"
#include "server/http/transaction_results.h"

namespace kimdb::server {

namespace {

using protocol::Value;

constexpr std::string_view kLimitDefault = "100";

// --- what requests say ---

std::string_view media_type(const HttpRequest& request) {
  const std::string* type = request.header("content-type");
  if (type == nullptr) return {};
  std::string_view name(*type);
  name = name.substr(0, name.find(';'));
  while (name.ends_with(' ')) name.remove_suffix(1);
  return name;
}

// "3-1234" with its quotes; nothing where it is none.
std::optional<std::string> tag_text(std::string_view tag) {
  if (tag.size() < 3 || tag.front() != '"' || tag.back() != '"') return std::nullopt;
  tag = tag.substr(1, tag.size() - 2);
  const std::size_t dash = tag.find('-');
  const auto version = protocol::parse_integer(tag.substr(0, dash));
  const auto lsn = protocol::parse_integer(dash == std::string_view::npos ? std::string_view()
                                                                          : tag.substr(dash + 1));
  if (!version || *version < 1 || !lsn || *lsn < 1) return std::nullopt;
  return std::string(tag);
}

std::string tag_of(std::int64_t version, Lsn lsn) {
  return "\"" + std::to_string(version) + "-" + std::to_string(lsn) + "\"";
}

RestCall refused(HttpResponse response) {
  RestCall call;
  call.response = std::move(response);
  return call;
}

// Adds IFVERSION as If-Match and If-None-Match ask for it.
RestCall with_condition(const HttpRequest& request, RestCall call) {
  const std::string* match = request.header("if-match");
  const std::string* none = request.header("if-none-match");
  if (none != nullptr && (match != nullptr || *none != "*"))
    return refused(problem(400, "bad_condition", "If-None-Match takes * when changing"));
  if (none != nullptr) call.words.insert(call.words.end(), {"IFVERSION", "0"});
  if (match == nullptr) return call;
  const auto tag = *match == "*" ? std::optional<std::string>("*") : tag_text(*match);
  if (!tag) return refused(problem(412, "precondition_failed", "no document has such an ETag"));
  call.words.insert(call.words.end(), {"IFVERSION", *tag});
  return call;
}

// --- what replies become ---

void add_member(std::string& body, std::string_view name, std::string_view json) {
  body += body.size() > 1 ? ",\"" : "\"";
  body += name;
  body += "\":";
  body += json;
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

HttpResponse success(std::string_view members) {
  std::string body = "{\"success\":true";
  if (!members.empty()) body += ",";
  body += members;
  return {.body = body + "}\n"};
}

HttpResponse not_found() { return problem(404, "not_found", "there is no such document"); }

std::int64_t version_of(std::string_view document) {
  const auto tree = engine::parse_json_tree(document);
  const engine::JsonMember* version = tree ? tree->find("_version") : nullptr;
  return version == nullptr ? 0 : protocol::parse_integer(version->value.text).value_or(0);
}

HttpResponse show_document(const HttpRequest& request, const Value& reply, Lsn lsn) {
  if (reply.is_null()) return not_found();
  const std::string tag = tag_of(version_of(reply.string), lsn);
  HttpResponse response{.body = reply.string + "\n", .headers = {{"ETag", tag}}};
  if (const std::string* known = request.header("if-none-match");
      known != nullptr && (*known == "*" || known->find(tag) != std::string::npos))
    response.status = 304;
  return response;
}

// Of [id, version].
HttpResponse show_put(const HttpRequest& request, const Value& reply, Lsn lsn) {
  const std::string& id = reply.elements[0].string;
  const std::int64_t version = reply.elements[1].integer;
  HttpResponse response =
      success("\"id\":" + json_string(id) + ",\"_version\":" + std::to_string(version));
  response.headers = {{"ETag", tag_of(version, lsn)}};
  if (version != 1) return response;
  response.status = 201;
  response.headers.emplace_back("Location", "/api/" + request.path[1] + "/" + percent_encode(id));
  return response;
}

HttpResponse show_version(const HttpRequest& request, const Value& reply, Lsn lsn) {
  HttpResponse response = success("\"id\":" + json_string(request.path[2]) +
                                  ",\"_version\":" + std::to_string(reply.integer));
  response.headers = {{"ETag", tag_of(reply.integer, lsn)}};
  return response;
}

HttpResponse show_removed(const HttpRequest&, const Value& reply, Lsn) {
  return reply.integer == 0 ? not_found() : success("");
}

// Of [cursor, [documents]].
HttpResponse show_found(const HttpRequest& request, const Value& reply, Lsn) {
  std::string data = "[";
  for (const Value& document : reply.elements[1].elements) {
    if (data.size() > 1) data += ',';
    data += document.string;
  }
  data += ']';
  const Value& next = reply.elements[0];
  return success("\"collection\":" + json_string(request.path[1]) + ",\"count\":" +
                 std::to_string(reply.elements[1].elements.size()) + ",\"data\":" + data +
                 ",\"next\":" + (next.is_null() ? "null" : json_string(next.string)));
}

HttpResponse show_collections(const HttpRequest&, const Value& reply, Lsn) {
  std::string list = "[";
  for (const Value& collection : reply.elements) {
    if (list.size() > 1) list += ',';
    list += "{\"name\":" + json_string(collection.elements[1].string) +
            ",\"count\":" + std::to_string(collection.elements[3].integer) +
            ",\"bytes\":" + std::to_string(collection.elements[5].integer) + "}";
  }
  return success("\"collections\":" + list + "]");
}

// Of [[id, version], …].
HttpResponse show_batch(const HttpRequest&, const Value& reply, Lsn) {
  std::string results = "[";
  for (const Value& item : reply.elements) {
    if (results.size() > 1) results += ',';
    results += "{\"id\":" + json_string(item.elements[0].string) +
               ",\"_version\":" + std::to_string(item.elements[1].integer) + "}";
  }
  return success("\"results\":" + results + "]");
}

// Of the maps of INDEX LIST: fields "a,-b" become ["a","-b"].
HttpResponse show_indexes(const HttpRequest&, const Value& reply, Lsn) {
  const auto boolean = [](const Value& number) { return number.integer != 0 ? "true" : "false"; };
  std::string list = "[";
  for (const Value& index : reply.elements) {
    std::map<std::string, const Value*, std::less<>> of;
    for (std::size_t i = 0; i + 1 < index.elements.size(); i += 2)
      of[index.elements[i].string] = &index.elements[i + 1];
    std::string fields = json_string(of["fields"]->string);
    for (std::size_t at = 0; (at = fields.find(',', at)) != std::string::npos; at += 3)
      fields.replace(at, 1, "\",\"");
    if (list.size() > 1) list += ',';
    list += "{\"name\":" + json_string(of["name"]->string) + ",\"fields\":[" + fields +
            "],\"kind\":" + json_string(of["kind"]->string) +
            ",\"unique\":" + boolean(*of["unique"]) +
            ",\"keys\":" + std::to_string(of["keys"]->integer) +
            ",\"bytes\":" + std::to_string(of["bytes"]->integer) +
            ",\"complete\":" + boolean(*of["complete"]) + "}";
  }
  return success("\"indexes\":" + list + "]");
}

HttpResponse show_index(const HttpRequest& request, const Value& reply, Lsn) {
  HttpResponse response = success("\"name\":" + json_string(reply.string));
  response.status = 201;
  response.headers = {
      {"Location", "/api/indexes/" + request.path[2] + "/" + percent_encode(reply.string)}};
  return response;
}

HttpResponse show_value(const HttpRequest&, const Value& reply, Lsn) {
  if (reply.is_null()) return problem(404, "not_found", "there is no such key");
  return {.content_type = "application/octet-stream", .body = reply.string};
}

HttpResponse show_done(const HttpRequest&, const Value&, Lsn) { return success(""); }

HttpResponse show_key_removed(const HttpRequest&, const Value& reply, Lsn) {
  return reply.integer == 0 ? problem(404, "not_found", "there is no such key") : success("");
}

// --- of SQL ---

void append_value(std::string& out, const Value& value) {
  switch (value.type) {
    case Value::Type::integer:
      out += std::to_string(value.integer);
      return;
    case Value::Type::boolean:
      out += value.integer != 0 ? "true" : "false";
      return;
    case Value::Type::double_: {
      // JSON knows no infinity.
      if (!std::isfinite(value.number)) break;
      std::array<char, 40> digits;
      char* const begin = digits.data();
      out.append(begin, std::to_chars(begin, begin + digits.size(), value.number).ptr);
      return;
    }
    case Value::Type::bulk:
      protocol::append_json(out, value.string);
      return;
    default:
      break;
  }
  out += "null";
}

// The members that say what a statement gave: a list of rows, a number of changed ones, or nothing.
std::string statement_members(const Value& reply) {
  if (reply.type == Value::Type::integer) return "\"changed\":" + std::to_string(reply.integer);
  if (reply.type != Value::Type::array) return {};
  std::string rows = "[";
  for (const Value& row : reply.elements) {
    if (rows.size() > 1) rows += ',';
    append_row(rows, row);
  }
  return "\"count\":" + std::to_string(reply.elements.size()) + ",\"rows\":" + rows + "]";
}

// Of several statements a list.
HttpResponse show_statement(const HttpRequest&, const Value& reply, Lsn) {
  const bool is_list = reply.type == Value::Type::array && !reply.elements.empty() &&
                       reply.elements[0].type != Value::Type::map;
  if (!is_list) return success(statement_members(reply));
  std::string results;
  for (const Value& each : reply.elements)
    results += (results.empty() ? "{" : ",{") + statement_members(each) + "}";
  return success("\"results\":[" + results + "]");
}

// --- of INFO ---

std::map<std::string, std::string, std::less<>> info_fields(std::string_view text) {
  std::map<std::string, std::string, std::less<>> fields;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
      fields.emplace(line.substr(0, colon), line.substr(colon + 1));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 2);
  }
  return fields;
}

HttpResponse show_health(const HttpRequest&, const Value& reply, Lsn) {
  auto fields = info_fields(reply.string);
  std::string body = "{";
  add_member(body, "status", "\"ok\"");
  add_member(body, "version", json_string(fields["kimdb_version"]));
  add_member(body, "serverId", json_string(fields["node_id"]));
  add_member(body, "uptime", fields["uptime_in_seconds"]);
  add_member(body, "connections", fields["connected_clients"]);
  add_member(body, "role", json_string(fields["role"]));
  if (fields.contains("slave_lag_ms")) add_member(body, "lagMs", fields["slave_lag_ms"]);
  return {.body = body + "}\n"};
}

// A server that answers has recovered; a slave has to have joined its master as well.
HttpResponse show_ready(const HttpRequest&, const Value& reply, Lsn) {
  auto fields = info_fields(reply.string);
  if (fields["role"] != "master" && fields["master_link_status"] != "up")
    return problem(503, "not_joined", "this slave is not connected to its master");
  return {.body = "{\"status\":\"ready\"}\n"};
}

// Prometheus' text format 0.0.4.
HttpResponse show_metrics(const HttpRequest&, const Value& reply, Lsn) {
  return {.content_type = "text/plain; version=0.0.4", .body = reply.string};
}

// --- routes ---

RestCall find(const HttpRequest& request) {
  const auto parameter = [&](std::string_view name, std::string_view otherwise) {
    const std::string* value = request.parameter(name);
    return value == nullptr ? std::string(otherwise) : *value;
  };
  RestCall call{.words = {"DOC", "FIND", request.path[1], parameter("filter", "{}"), "LIMIT",
                          parameter("limit", kLimitDefault)},
                .answer = show_found};
  for (const std::string_view option : {"sort", "after", "fields"})
    if (const std::string* value = request.parameter(option); value != nullptr && !value->empty())
      call.words.insert(call.words.end(), {std::string(option), *value});
  return call;
}

// The document, or nothing but {"data": the document, "id": its id}. Creating is not replacing.
RestCall create(const HttpRequest& request) {
  RestCall call{.words = {"DOC", "PUT", request.path[1], "*", request.body, "IFVERSION", "0"},
                .answer = show_put};
  const auto tree = engine::parse_json_tree(request.body);
  if (!tree) return refused(problem(400, "invalid_json", tree.error().message));
  const engine::JsonMember* id = tree->find("id");
  if (id != nullptr && id->value.kind != engine::JsonKind::string)
    return refused(problem(400, "bad_request", "the id is no string"));
  if (id != nullptr) call.words[3] = engine::decode_json_string(id->value.text);
  const engine::JsonMember* data = tree->find("data");
  const bool is_envelope = data != nullptr && data->value.kind == engine::JsonKind::object &&
                           tree->members.size() == (id == nullptr ? 1u : 2u);
  if (!is_envelope) return call;
  call.words[4].clear();
  engine::append_json(call.words[4], data->value);
  return call;
}

RestCall batch(const HttpRequest& request) {
  const auto tree = engine::parse_json_tree(request.body);
  if (!tree) return refused(problem(400, "invalid_json", tree.error().message));
  const engine::JsonMember* items = tree->find("items");
  if (items == nullptr || tree->members.size() != 1)
    return refused(problem(400, "bad_request", "the body is {\"items\": […]}, and nothing else"));
  RestCall call{.words = {"DOC", "BULK", request.path[1], ""}, .answer = show_batch};
  engine::append_json(call.words[3], items->value);
  return call;
}

// {"fields": ["address.city", "-age"], "unique": true, "kind": "hash", "name": "…"}
RestCall create_index(const HttpRequest& request) {
  const auto wrong = [](std::string_view why) { return refused(problem(400, "bad_request", why)); };
  const auto tree = engine::parse_json_tree(request.body);
  if (!tree) return refused(problem(400, "invalid_json", tree.error().message));
  RestCall call{.words = {"INDEX", "CREATE", request.path[2]}, .answer = show_index};
  const engine::JsonMember* fields = tree->find("fields");
  if (fields == nullptr || fields->value.items.empty())
    return wrong("fields is a list of names, as [\"address.city\", \"-age\"]");
  std::string list;
  for (const engine::JsonNode& item : fields->value.items) {
    const std::string field =
        item.kind == engine::JsonKind::string ? engine::decode_json_string(item.text) : "";
    if (field.empty() || field.find_first_of("(),") != std::string::npos)
      return wrong("a field is a name, without ( ) and commas");
    list += (list.empty() ? "(" : ",") + field;
  }
  call.words.push_back(list + ")");
  for (const engine::JsonMember& member : tree->members) {
    const std::string text = member.value.kind == engine::JsonKind::string
                                 ? engine::decode_json_string(member.value.text)
                                 : std::string(member.value.text);
    if (member.name == "fields" || (member.name == "unique" && text == "false") ||
        (member.name == "kind" && text == "ordered"))
      continue;
    if (member.name == "unique" && text == "true")
      call.words.emplace_back("UNIQUE");
    else if (member.name == "kind" && text == "hash")
      call.words.emplace_back("HASH");
    else if (member.name == "name" && member.value.kind == engine::JsonKind::string)
      call.words.insert(call.words.end(), {"NAME", text});
    else
      return wrong("there is no such member or value: " + member.name);
  }
  return call;
}

// {"sql": "SELECT …", "params": [1, "a"]}
RestCall run_statement(const HttpRequest& request) {
  const auto wrong = [](std::string_view why) { return refused(problem(400, "bad_request", why)); };
  const auto tree = engine::parse_json_tree(request.body);
  if (!tree) return refused(problem(400, "invalid_json", tree.error().message));
  const engine::JsonMember* sql = tree->find("sql");
  if (sql == nullptr || sql->value.kind != engine::JsonKind::string)
    return wrong("sql is the text of a statement");
  RestCall call{.words = {"SQL", engine::decode_json_string(sql->value.text)},
                .answer = show_statement,
                .streams_rows = true};
  for (const engine::JsonMember& member : tree->members) {
    if (member.name == "sql") continue;
    if (member.name != "params" || member.value.kind != engine::JsonKind::array)
      return wrong("besides sql there may be params, a list of values");
    call.words.insert(call.words.end(), {"PARAMS", ""});
    engine::append_json(call.words.back(), member.value);
  }
  return call;
}

HttpResponse show_transaction(const HttpRequest& request, const Value& reply, Lsn) {
  const auto tree = engine::parse_json_tree(request.body);
  const engine::JsonMember* commands = tree ? tree->find("commands") : nullptr;
  std::string list;
  if (commands != nullptr) engine::append_json(list, commands->value);
  return success("\"results\":" + transaction_results(list, reply));
}

// {"commands": [["SET", "k", "v"], ["SQL", "UPDATE …", "PARAMS", [1]]], "isolation":
// "serializable"}
RestCall run_transaction(const HttpRequest& request) {
  const auto wrong = [](std::string_view why) { return refused(problem(400, "bad_request", why)); };
  const auto tree = engine::parse_json_tree(request.body);
  if (!tree) return refused(problem(400, "invalid_json", tree.error().message));
  RestCall call{.words = {"TX", ""}, .answer = show_transaction};
  for (const engine::JsonMember& member : tree->members) {
    if (member.name == "commands" && member.value.kind == engine::JsonKind::array) {
      engine::append_json(call.words[1], member.value);
    } else if (member.name == "isolation" && member.value.kind == engine::JsonKind::string) {
      const std::string level = engine::decode_json_string(member.value.text);
      if (level == "serializable")
        call.words.emplace_back("SERIALIZABLE");
      else if (level != "snapshot")
        return wrong("isolation is snapshot or serializable");
    } else {
      return wrong("a transaction has commands, a list of lists of words, and may have isolation");
    }
  }
  if (call.words[1].empty()) return wrong("commands is missing, a list of lists of words");
  return call;
}

RestCall change(const HttpRequest& request) {
  const std::string_view type = media_type(request);
  const bool merges = type == "application/merge-patch+json" || type == "application/json";
  if (!merges && type != "application/json-patch+json")
    return refused(problem(415, "unsupported_media_type",
                           "PATCH takes application/merge-patch+json or "
                           "application/json-patch+json"));
  return with_condition(request, {.words = {"DOC", merges ? "MERGE" : "PATCH", request.path[1],
                                            request.path[2], request.body},
                                  .answer = show_version});
}

RestCall asset(std::string_view content_type, std::string_view body) {
  RestCall call;
  call.response = {.content_type = std::string(content_type), .body = std::string(body)};
  return call;
}

RestCall websocket(const HttpRequest&) { return {.stream = RestCall::Stream::websocket}; }

// Nothing of the data, which would have to be committed before it is shown: whoever asks how the
// server is wants to know it also while it waits for its slaves.
const std::vector<std::string> kAboutServer = {"INFO", "server", "clients", "replication"};

struct Route {
  std::string_view method;
  std::vector<std::string_view> path;  // "*": any part
  RestCall (*call)(const HttpRequest&);
  std::vector<std::string_view> parameters = {};  // of its query; others are refused
};

const std::vector<Route>& routes() {
  static const std::vector<Route> kRoutes = {
      {"GET",
       {"health"},
       [](const HttpRequest&) {
         return RestCall{.words = kAboutServer, .answer = show_health, .open = true};
       }},
      {"GET",
       {"ready"},
       [](const HttpRequest&) {
         return RestCall{.words = kAboutServer, .answer = show_ready, .open = true};
       }},
      {"GET", {"ws"}, websocket},
      {"GET",
       {"openapi.yaml"},
       [](const HttpRequest&) { return asset("application/yaml", openapi_yaml()); }},
      {"GET",
       {"openapi.json"},
       [](const HttpRequest&) { return asset("application/json", openapi_json()); }},
      {"GET",
       {"docs"},
       [](const HttpRequest&) { return asset("text/html; charset=utf-8", docs_html()); }},
      {"GET",
       {"metrics"},
       [](const HttpRequest&) { return RestCall{.words = {"METRICS"}, .answer = show_metrics}; }},
      {"GET",
       {"api", "collections"},
       [](const HttpRequest&) {
         return RestCall{.words = {"COLLECTIONS"}, .answer = show_collections};
       }},
      {"GET",
       {"api", "kv", "*"},
       [](const HttpRequest& r) {
         return RestCall{.words = {"GET", r.path[2]}, .answer = show_value};
       }},
      {"PUT",
       {"api", "kv", "*"},
       [](const HttpRequest& r) {
         return RestCall{.words = {"SET", r.path[2], r.body}, .answer = show_done};
       }},
      {"DELETE",
       {"api", "kv", "*"},
       [](const HttpRequest& r) {
         return RestCall{.words = {"DEL", r.path[2]}, .answer = show_key_removed};
       }},
      {"GET",
       {"api", "indexes", "*"},
       [](const HttpRequest& r) {
         return RestCall{.words = {"INDEX", "LIST", r.path[2]}, .answer = show_indexes};
       }},
      {"POST", {"api", "indexes", "*"}, create_index},
      {"DELETE",
       {"api", "indexes", "*", "*"},
       [](const HttpRequest& r) {
         return RestCall{.words = {"INDEX", "DROP", r.path[2], r.path[3]}, .answer = show_done};
       }},
      {"POST", {"api", "sql"}, run_statement},
      {"POST", {"api", "tx"}, run_transaction},
      {"GET",
       {"api", "*", "changes"},
       [](const HttpRequest&) { return RestCall{.stream = RestCall::Stream::events}; },
       {"since"}},
      {"POST", {"api", "*", "batch"}, batch},
      {"GET", {"api", "*"}, find, {"filter", "sort", "fields", "limit", "after"}},
      {"POST", {"api", "*"}, create},
      {"GET",
       {"api", "*", "*"},
       [](const HttpRequest& r) {
         return RestCall{.words = {"DOC", "GET", r.path[1], r.path[2]}, .answer = show_document};
       }},
      {"PUT",
       {"api", "*", "*"},
       [](const HttpRequest& r) {
         return with_condition(
             r, {.words = {"DOC", "PUT", r.path[1], r.path[2], r.body}, .answer = show_put});
       }},
      {"PATCH", {"api", "*", "*"}, change},
      {"DELETE",
       {"api", "*", "*"},
       [](const HttpRequest& r) {
         return with_condition(
             r, {.words = {"DOC", "DEL", r.path[1], r.path[2]}, .answer = show_removed});
       }},
  };
  return kRoutes;
}

bool fits(const Route& route, const std::vector<std::string>& path) {
  return std::equal(route.path.begin(), route.path.end(), path.begin(), path.end(),
                    [](std::string_view wanted, std::string_view part) {
                      return wanted == "*" ? !part.empty() : wanted == part;
                    });
}

// What the query says that the path does not take, or says twice; empty: nothing.
std::string wrong_parameter(const Route& route, const HttpRequest& request) {
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    const std::string& name = request.query[i].first;
    if (std::find(route.parameters.begin(), route.parameters.end(), name) ==
        route.parameters.end()) {
      std::string why = "this path takes no parameter \"" + name + "\"";
      for (const std::string_view known : route.parameters)
        why += (known == route.parameters[0] ? ", but " : ", ") + std::string(known);
      if (route.call == find)
        why += "; a condition is filter={" + json_string(name) + ":" +
               json_string(request.query[i].second) + "}";
      return why;
    }
    const auto is_same = [&](const auto& other) { return other.first == name; };
    if (std::find_if(request.query.begin(), request.query.begin() + static_cast<std::ptrdiff_t>(i),
                     is_same) != request.query.begin() + static_cast<std::ptrdiff_t>(i))
      return "the parameter \"" + name + "\" is there twice";
  }
  return {};
}

}  // namespace

void append_row(std::string& out, const Value& row) {
  out += '{';
  for (std::size_t i = 0; i + 1 < row.elements.size(); i += 2) {
    if (i > 0) out += ',';
    append_json_string(out, row.elements[i].string);
    out += ':';
    append_value(out, row.elements[i + 1]);
  }
  out += '}';
}

RestCall route(const HttpRequest& request) {
  const std::string_view method =
      request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  // Clients that know no path of ours open the root.
  const std::string* upgrade = request.header("upgrade");
  if (request.target == "/" && method == "GET" && upgrade != nullptr) return websocket(request);
  std::string allowed;
  for (const Route& route : routes()) {
    if (!fits(route, request.path)) continue;
    if (route.method == method) {
      const std::string wrong = wrong_parameter(route, request);
      return wrong.empty() ? route.call(request) : refused(problem(400, "bad_request", wrong));
    }
    if (allowed.find(route.method) == std::string::npos)
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty()) return refused(problem(404, "no_route", "there is nothing at this path"));
  HttpResponse response = problem(405, "method_not_allowed", "this path takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return refused(std::move(response));
}

HttpResponse problem_of(const HttpRequest& request, std::string_view error) {
  const Failure failure = failure_of(error);
  const bool conditional =
      request.header("if-match") != nullptr || request.header("if-none-match") != nullptr;
  if (failure.code == "conflict" && conditional)
    return problem(412, "precondition_failed", failure.detail);
  return problem(failure.status, failure.code, failure.detail);
}

}  // namespace kimdb::server
