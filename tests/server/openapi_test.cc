// The OpenAPI document says what the server does: each operation and each status that it names is
// called for and looked at.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "database/token.h"
#include "engine/json_tree.h"
#include "tests/support/child_process.h"
#include "tests/support/http_server.h"
#include "tests/support/temporary_directory.h"

namespace kimdb::server {
namespace {

using engine::JsonNode;
using support::HttpResponse;
using support::HttpServer;

struct Request {
  std::string target;
  std::string body;
  std::vector<std::string> headers;
};

// The document, and what of it was called for.
class Document {
 public:
  explicit Document(const HttpServer& server)
      : text_(server.request("GET", "/openapi.json").body), tree_(parse(text_)) {
    for (const auto& path : member(tree_, "paths").members)
      for (const auto& operation : path.value.members)
        if (operation.name != "parameters")
          operations_.push_back({operation.name, path.name, &operation.value});
  }

  HttpResponse ask(const HttpServer& server, const std::string& id, const Request& request) const {
    std::string method = find(id).method;
    for (char& c : method) c = static_cast<char>(std::toupper(c));
    return server.request(method, request.target, request.body, request.headers);
  }

  // Calls an operation and holds the response against what is written of its status.
  void call(const HttpServer& server, const std::string& id, int status, const Request& request) {
    CAPTURE(id);
    CAPTURE(status);
    check(id, status, ask(server, id, request));
  }

  void check(const std::string& id, int status, const HttpResponse& response) {
    CAPTURE(response.body);
    REQUIRE(response.status == status);
    const JsonNode& described = response_of(find(id), std::to_string(status));
    called_.insert(id + " " + std::to_string(status));
    if (const auto* headers = described.find("headers"))
      for (const auto& header : headers->value.members) {
        std::string name = header.name;
        for (char& c : name) c = static_cast<char>(std::tolower(c));
        CHECK_MESSAGE(response.headers.contains(name), header.name);
      }
    const auto* content = described.find("content");
    if (content == nullptr) return;
    REQUIRE(content->value.members.size() == 1);
    CHECK(response.headers.at("content-type") == content->value.members[0].name);
    check_members(member(content->value.members[0].value, "schema"), response.body);
  }

  // The operations that name a status.
  std::vector<std::string> with(int status) const {
    std::vector<std::string> ids;
    for (const Operation& operation : operations_)
      if (member(*operation.described, "responses").find(std::to_string(status)) != nullptr)
        ids.push_back(id_of(operation));
    return ids;
  }

  // What was never called.
  std::vector<std::string> left_out() const {
    std::vector<std::string> left;
    for (const Operation& operation : operations_)
      for (const auto& response : member(*operation.described, "responses").members)
        if (const std::string name = id_of(operation) + " " + response.name;
            !called_.contains(name))
          left.push_back(name);
    return left;
  }

  struct Operation {
    std::string method;
    std::string path;
    const JsonNode* described;
  };
  const std::vector<Operation>& operations() const { return operations_; }
  static std::string id_of(const Operation& operation) {
    return engine::decode_json_string(member(*operation.described, "operationId").text);
  }

 private:
  static JsonNode parse(const std::string& text) {
    auto tree = engine::parse_json_tree(text);
    REQUIRE_MESSAGE(tree, tree.error().message);
    return *std::move(tree);
  }

  static const JsonNode& member(const JsonNode& node, std::string_view name) {
    const auto* found = node.find(name);
    REQUIRE_MESSAGE(found != nullptr, name);
    return found->value;
  }

  const Operation& find(const std::string& id) const {
    for (const Operation& operation : operations_)
      if (id_of(operation) == id) return operation;
    FAIL("there is no operation ", id);
    throw std::logic_error(id);
  }

  const JsonNode& resolve(const JsonNode& node) const {
    const auto* reference = node.find("$ref");
    if (reference == nullptr) return node;
    std::string path = engine::decode_json_string(reference->value.text).substr(2);
    const JsonNode* at = &tree_;
    for (std::size_t slash = 0; slash != std::string::npos; path.erase(0, slash + 1)) {
      slash = path.find('/');
      at = &member(*at, path.substr(0, slash));
      if (slash == std::string::npos) break;
    }
    return *at;
  }

  const JsonNode& response_of(const Operation& operation, const std::string& status) const {
    return resolve(member(member(*operation.described, "responses"), status));
  }

  // The members that must be there are, and no others where the schema lists them all.
  void check_members(const JsonNode& described, const std::string& body) const {
    const JsonNode& schema = resolve(described);
    const auto* required = schema.find("required");
    if (required == nullptr) return;
    const JsonNode value = parse(body);
    for (const JsonNode& name : required->value.items) {
      const std::string text = engine::decode_json_string(name.text);
      CHECK_MESSAGE(value.find(text) != nullptr, text);
    }
    const auto* properties = schema.find("properties");
    if (properties == nullptr || schema.find("additionalProperties") != nullptr ||
        properties->value.find("openapi") != nullptr)
      return;
    for (const auto& one : value.members)
      CHECK_MESSAGE(properties->value.find(one.name) != nullptr, one.name);
  }

  std::string text_;
  JsonNode tree_;
  std::vector<Operation> operations_;
  std::set<std::string> called_;
};

// A request that succeeds, where what it needs is there.
const std::map<std::string, Request>& samples() {
  static const std::map<std::string, Request> kSamples = {
      {"health", {"/health", "", {}}},
      {"ready", {"/ready", "", {}}},
      {"metrics", {"/metrics", "", {}}},
      {"openapiYaml", {"/openapi.yaml", "", {}}},
      {"openapiJson", {"/openapi.json", "", {}}},
      {"docs", {"/docs", "", {}}},
      {"listCollections", {"/api/collections", "", {}}},
      {"findDocuments", {"/api/users?filter=%7B%22n%22%3A1%7D&sort=-n&fields=n&limit=2", "", {}}},
      {"createDocument", {"/api/users", R"({"n":1})", {}}},
      {"changeDocuments", {"/api/users/batch", R"({"items":[{"id":"b","data":{}}]})", {}}},
      {"followChanges", {"/api/users/changes", "", {}}},
      {"getDocument", {"/api/users/u", "", {}}},
      {"putDocument", {"/api/users/u", R"({"n":1})", {}}},
      {"patchDocument",
       {"/api/users/u", R"({"n":2})", {"Content-Type: application/merge-patch+json"}}},
      {"deleteDocument", {"/api/users/u", "", {}}},
      {"listIndexes", {"/api/indexes/users", "", {}}},
      {"createIndex", {"/api/indexes/users", R"({"fields":["n"]})", {}}},
      {"dropIndex", {"/api/indexes/users/n", "", {}}},
      {"runStatement",
       {"/api/sql", R"-({"sql":"CREATE TABLE IF NOT EXISTS t (a INT PRIMARY KEY)"})-", {}}},
      {"runTransaction", {"/api/tx", R"({"commands":[["SET","k","v"]]})", {}}},
      {"getKey", {"/api/kv/k", "", {}}},
      {"setKey", {"/api/kv/k", "value", {}}},
      {"deleteKey", {"/api/kv/k", "", {}}},
  };
  return kSamples;
}

Request with_header(Request request, const std::string& header) {
  request.headers.push_back(header);
  return request;
}

void call_what_succeeds(Document& document, const HttpServer& server) {
  const auto call = [&](const std::string& id, int status) {
    document.call(server, id, status, samples().at(id));
  };
  for (const char* id : {"health", "ready", "metrics", "openapiYaml", "openapiJson", "docs",
                         "changeDocuments", "setKey", "getKey", "runStatement", "runTransaction"})
    call(id, 200);
  call("createDocument", 201);
  call("putDocument", 201);
  for (const char* id :
       {"putDocument", "patchDocument", "getDocument", "findDocuments", "listCollections"})
    call(id, 200);
  document.call(server, "getDocument", 304,
                with_header(samples().at("getDocument"), "If-None-Match: *"));
  support::TcpClient stream = server.connect();
  stream.send("GET /api/users/changes HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string head;
  for (std::string line = "x"; !line.empty(); head += line + "\r\n") line = stream.receive_line();
  document.check("followChanges", 200, support::parse_http_response(head));
  call("createIndex", 201);
  call("listIndexes", 200);
}

void call_what_is_refused(Document& document, const HttpServer& server) {
  const auto call = [&](const char* id, int status, const std::string& target,
                        const std::string& body = "", std::vector<std::string> headers = {}) {
    document.call(server, id, status, {target, body, std::move(headers)});
  };
  for (const auto& [id, sample] : samples()) {
    Request request = sample;
    request.target += request.target.find('?') == std::string::npos ? "?nope=1" : "&nope=1";
    document.call(server, id, 400, request);
  }
  call("findDocuments", 400, "/api/users?filter=%7B");
  call("createDocument", 400, "/api/users", "{");
  call("changeDocuments", 400, "/api/users/batch", "{}");
  call("followChanges", 400, "/api/users/changes?since=x");
  call("followChanges", 410, "/api/users/changes?since=9-9");
  call("getDocument", 400, "/api/_x/u");
  call("putDocument", 400, "/api/users/u", "[]");
  call("patchDocument", 400, "/api/users/u", "{", {"Content-Type: application/json"});
  call("deleteDocument", 400, "/api/_x/u");
  call("listIndexes", 400, "/api/indexes/_x");
  call("createIndex", 400, "/api/indexes/users", "{}");
  call("dropIndex", 400, "/api/indexes/_x/n");

  const std::string insert = R"-({"sql":"INSERT INTO t VALUES (?)","params":[1]})-";
  call("runStatement", 400, "/api/sql", R"({"sql":"SELECT * FORM t"})");
  call("runStatement", 200, "/api/sql", insert);
  call("runStatement", 409, "/api/sql", insert);

  call("runTransaction", 400, "/api/tx", R"({"commands":[["NOTHING"]]})");
  call("runTransaction", 409, "/api/tx",
       R"({"commands":[["SET","k","w"],["DOC","PUT","users","u",{},"IFVERSION",99]]})");

  call("changeDocuments", 404, "/api/users/batch",
       R"({"items":[{"id":"none","op":"merge","data":{}}]})");
  call("getDocument", 404, "/api/users/none");
  call("patchDocument", 404, "/api/users/none", "{}", {"Content-Type: application/json"});
  call("deleteDocument", 404, "/api/users/none");
  call("dropIndex", 404, "/api/indexes/users/none");
  call("getKey", 404, "/api/kv/none");
  call("deleteKey", 404, "/api/kv/none");

  call("createIndex", 201, "/api/indexes/users", R"({"fields":["mail"],"unique":true})");
  call("putDocument", 201, "/api/users/v", R"({"mail":"a@b.c"})");
  call("putDocument", 409, "/api/users/u", R"({"mail":"a@b.c"})");
  call("patchDocument", 409, "/api/users/u", R"({"mail":"a@b.c"})",
       {"Content-Type: application/json"});
  call("createDocument", 409, "/api/users", R"({"id":"u"})");
  call("changeDocuments", 409, "/api/users/batch",
       R"({"items":[{"id":"u","op":"insert","data":{}}]})");
  call("createIndex", 409, "/api/indexes/users", R"({"fields":["mail"]})");

  const std::vector<std::string> other = {"If-Match: \"7-7\"", "Content-Type: application/json"};
  call("putDocument", 412, "/api/users/u", "{}", other);
  call("patchDocument", 412, "/api/users/u", "{}", other);
  call("deleteDocument", 412, "/api/users/u", "", other);
  call("patchDocument", 415, "/api/users/u", "{}", {"Content-Type: text/plain"});
}

// Each operation as the second request of a login that may send one a second; where a second has
// passed between the two, again with another login.
void call_too_often(Document& document) {
  constexpr int kLogins = 100;
  const auto key = [](int number) { return "kimdb_" + std::to_string(number); };
  std::string keys;
  for (int i = 0; i < kLogins; ++i)
    keys += (i == 0 ? "" : ", ") + ("{name: " + key(i) + ", key_hash: \"") +
            database::hash_api_key(key(i)) + "\", role: admin}";
  const HttpServer server(
      {"auth.enabled=true", "http.rate_limit=1", "auth.api_keys=[" + keys + "]"});
  int login = 0;
  for (const std::string& id : document.with(429)) {
    HttpResponse response;
    do {
      REQUIRE(login < kLogins);
      const std::string header = "Authorization: Bearer " + key(login++);
      CHECK(server.request("GET", "/api/collections", "", {header}).status == 200);
      Request request = with_header(samples().at(id), header);
      // So that it ends even where it is served.
      if (id == "followChanges") request.target += "?since=x";
      response = document.ask(server, id, request);
    } while (response.status != 429);
    document.check(id, 429, response);
  }
}

TEST_CASE("each path and status of the OpenAPI document is what the server answers") {
  const HttpServer server;
  Document document(server);
  CHECK(document.operations().size() == samples().size());
  call_what_succeeds(document, server);
  call_what_is_refused(document, server);
  for (const char* id : {"dropIndex", "deleteDocument", "deleteKey"})
    document.call(server, id, 200, samples().at(id));

  const HttpServer guarded({"auth.enabled=true", "auth.api_keys=[{name: none, key_hash: \"" +
                                                     database::hash_api_key("kimdb_none") +
                                                     "\", role: readwrite, collections: {}}]"});
  for (const std::string& id : document.with(401))
    document.call(guarded, id, 401, samples().at(id));
  for (const std::string& id : document.with(403))
    document.call(guarded, id, 403,
                  with_header(samples().at(id), "Authorization: Bearer kimdb_none"));

  call_too_often(document);

  const std::string long_body = R"({"text":")" + std::string(2000, 'x') + "\"}";
  const HttpServer narrow({"http.max_body_size=1KB"});
  for (const std::string& id : document.with(413)) {
    Request request = samples().at(id);
    request.body = long_body;
    document.call(narrow, id, 413, request);
  }

  const HttpServer full({"engine.max_memory=1B"});
  CHECK(full.request("PUT", "/api/kv/first", "fills it").status == 200);
  for (const std::string& id : document.with(507)) document.call(full, id, 507, samples().at(id));

  const HttpServer slave({"replication.enabled=true", "replication.replica_type=slave",
                          "replication.master_address=127.0.0.1:1",
                          "replication.listen=127.0.0.1:" + std::to_string(support::free_port())});
  for (const std::string& id : document.with(503)) document.call(slave, id, 503, samples().at(id));

  for (const std::string& left : document.left_out()) FAIL_CHECK("never called: ", left);
}

TEST_CASE("what a path takes is what the OpenAPI document says of it") {
  const HttpServer server;
  const Document document(server);
  for (const Document::Operation& operation : document.operations()) {
    CAPTURE(operation.path);
    const std::string target = samples().at(Document::id_of(operation)).target;
    const HttpResponse response = server.request("TRACE", target.substr(0, target.find('?')));
    CHECK(has(response, 405, "method_not_allowed"));
    std::string method = operation.method;
    for (char& c : method) c = static_cast<char>(std::toupper(c));
    CHECK(response.headers.at("allow").find(method) != std::string::npos);
  }
}

TEST_CASE("Spectral has no objection to the OpenAPI document that is served") {
  const HttpServer server;
  const support::TemporaryDirectory directory;
  const std::string file = directory.path() + "/openapi.yaml";
  std::ofstream(file) << server.request("GET", "/openapi.yaml").body;
  const std::string output = directory.path() + "/output";
  const int status = std::system(("build/npm/tests/node_modules/.bin/spectral lint --fail-severity "
                                  "hint --ruleset tests/npm/spectral.yaml " +
                                  file + " >" + output + " 2>&1")
                                     .c_str());
  INFO(support::file_text(output));
  CHECK(status == 0);
}

}  // namespace
}  // namespace kimdb::server
