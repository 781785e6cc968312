// HTTP as curl and browsers use it, against the real server.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "database/password.h"
#include "database/token.h"
#include "tests/support/certificates.h"
#include "tests/support/http_server.h"
#include "tests/support/jwt.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_server.h"

namespace kimdb::server {
namespace {

using support::free_port;
using support::TcpClient;
using Response = support::HttpResponse;
using support::has;
using support::HttpServer;
using support::parse_http_response;

}  // namespace

TEST_CASE("documents are created, read, changed and removed over HTTP, each path and status once") {
  HttpServer http;
  const Response created = http.request("POST", "/api/users", R"({"name":"Kim"})");
  CHECK(created.status == 201);
  CHECK(created.headers.at("location").starts_with("/api/users/01"));
  CHECK(http.request("GET", created.headers.at("location")).status == 200);

  const std::string body = R"({"id":"a/b c","data":{"n":1}})";
  CHECK(http.request("POST", "/api/users", body).headers.at("location") == "/api/users/a%2Fb%20c");
  CHECK(has(http.request("POST", "/api/users", body), 409, "conflict"));
  CHECK(has(http.request("POST", "/api/users", "{"), 400, "invalid_json"));
  CHECK(has(http.request("POST", "/api/users", R"({"id":1})"), 400, "bad_request"));
  CHECK(has(http.request("POST", "/api/_x", "{}"), 400, "bad_request"));

  Response put = http.request("PUT", "/api/users/u", R"({"n":1})");
  CHECK(put.status == 201);
  const std::string first = put.headers.at("etag");
  put = http.request("PUT", "/api/users/u", R"({"n":2})", {"If-Match: " + first});
  CHECK(put.status == 200);
  const std::string second = put.headers.at("etag");
  CHECK(has(http.request("PUT", "/api/users/u", "{}", {"If-Match: " + first}), 412,
            "precondition_failed"));
  CHECK(has(http.request("PUT", "/api/users/u", "{}", {"If-None-Match: *"}), 412,
            "precondition_failed"));
  CHECK(has(http.request("PUT", "/api/users/new", "{}", {"If-Match: *"}), 412,
            "precondition_failed"));
  for (const char* foreign : {"x", "\"0\"", "\"0-1\"", "\"1\""})
    CHECK(has(http.request("PUT", "/api/users/new", "{}", {"If-Match: " + std::string(foreign)}),
              412, "precondition_failed"));
  CHECK(has(http.request("POST", "/api/users", R"({"data":{"id":"u"}})"), 409, "conflict"));
  const Response event = http.request("POST", "/api/e", R"({"type":"x","data":{"n":1}})");
  CHECK(
      http.request("GET", event.headers.at("location")).body.find(R"("type":"x","data":{"n":1})") !=
      std::string::npos);

  const Response got = http.request("GET", "/api/users/u");
  CHECK(got.status == 200);
  CHECK(got.body.starts_with(R"({"id":"u","n":2,"_version":2,)"));
  CHECK(got.headers.at("etag") == second);
  CHECK(http.request("GET", "/api/users/u", "", {"If-None-Match: " + second}).status == 304);
  CHECK(http.request("GET", "/api/users/u", "", {"If-None-Match: " + first}).status == 200);
  CHECK(has(http.request("GET", "/api/users/nope"), 404, "not_found"));
  const Response head = http.request("HEAD", "/api/users/u");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.headers.at("content-length") == std::to_string(got.body.size()));

  const std::string merge = "Content-Type: application/merge-patch+json; charset=utf-8";
  const std::string patch = "Content-Type: application/json-patch+json";
  CHECK(http.request("PATCH", "/api/users/u", R"({"m":1})", {merge}).status == 200);
  CHECK(http.request("PATCH", "/api/users/u", R"([{"op":"remove","path":"/n"}])", {patch}).status ==
        200);
  CHECK(http.request("GET", "/api/users/u").body.starts_with(R"({"id":"u","m":1,"_version":4,)"));
  CHECK(has(http.request("PATCH", "/api/users/u", R"([{"op":"remove","path":"/n"}])", {patch}), 400,
            "bad_request"));
  CHECK(has(http.request("PATCH", "/api/users/u", "{}"), 415, "unsupported_media_type"));
  CHECK(has(http.request("PATCH", "/api/users/nope", "{}", {merge}), 404, "not_found"));
  for (const char* method : {"PUT", "PATCH"})
    CHECK(has(http.request(method, "/api/users/u", R"({"$inc":{"n":1}})", {merge}), 400,
              "bad_request"));
  CHECK(
      has(http.request("POST", "/api/users", R"({"data":{"$set":{"n":1}}})"), 400, "bad_request"));

  CHECK(has(http.request("DELETE", "/api/users/u", "", {"If-Match: " + second}), 412,
            "precondition_failed"));
  CHECK(http.request("DELETE", "/api/users/u").status == 200);
  CHECK(has(http.request("DELETE", "/api/users/u"), 404, "not_found"));
  // Made anew, with the version it had: another document.
  http.request("PUT", "/api/users/u", "{}");
  http.request("PUT", "/api/users/u", "{}");
  CHECK(has(http.request("PUT", "/api/users/u", "{}", {"If-Match: " + second}), 412,
            "precondition_failed"));
}

TEST_CASE("collections are searched, listed and changed in batches over HTTP") {
  HttpServer http;
  CHECK(http.request("POST", "/api/c/batch",
                     R"({"items":[{"id":"a","data":{"n":1}},{"id":"b","data":{"n":2}},)"
                     R"({"id":"c","data":{"n":3}}]})")
            .body == R"({"success":true,"results":[{"id":"a","_version":1},)"
                     R"({"id":"b","_version":1},{"id":"c","_version":1}]})"
                     "\n");
  CHECK(
      has(http.request("POST", "/api/c/batch", R"({"items":[{"id":"z","op":"merge","data":{}}]})"),
          404, "not_found"));
  CHECK(
      has(http.request("POST", "/api/c/batch", R"({"items":[{"id":"a","op":"insert","data":{}}]})"),
          409, "conflict"));
  CHECK(has(http.request("POST", "/api/c/batch", "{}"), 400, "bad_request"));
  const std::string filter = "/api/c?filter=%7B%22n%22%3A%7B%22%24gt%22%3A1%7D%7D";
  CHECK(http.request("GET", filter + "&sort=-n&fields=n").body ==
        R"({"success":true,"collection":"c","count":2,"data":[{"id":"c","n":3},{"id":"b","n":2}],)"
        R"("next":null})"
        "\n");
  CHECK(http.request("GET", "/api/c?limit=2&fields=n").body.ends_with("\"next\":\"b\"}\n"));
  CHECK(http.request("GET", "/api/c?limit=2&fields=n&after=b").body.find("\"id\":\"c\"") !=
        std::string::npos);
  CHECK(has(http.request("GET", "/api/c?filter=x"), 400, "bad_request"));
  CHECK(has(http.request("GET", "/api/c?limit=x"), 400, "bad_request"));
  CHECK(http.request("GET", "/api/empty").body ==
        R"({"success":true,"collection":"empty","count":0,"data":[],"next":null})"
        "\n");
  const std::string collections = http.request("GET", "/api/collections").body;
  CHECK(
      collections.starts_with(R"({"success":true,"collections":[{"name":"c","count":3,"bytes":)"));
}

TEST_CASE("a parameter of a query that says nothing is refused by its name") {
  HttpServer http;
  http.request("PUT", "/api/users/u", R"({"name":"Kim"})");
  const auto refusal = [&](const std::string& target, const char* method = "GET",
                           const char* body = "") {
    const Response response = http.request(method, target, body);
    CHECK_MESSAGE(response.status == 400, target);
    const std::size_t detail = response.body.find("\"detail\":\"");
    return detail == std::string::npos ? response.body : response.body.substr(detail + 9);
  };
  CHECK(refusal("/api/users?name=Kim") ==
        R"("this path takes no parameter \"name\", but filter, sort, fields, limit, after; a )"
        R"(condition is filter={\"name\":\"Kim\"}"})"
        "\n");
  CHECK(refusal("/api/users?limit=abc") == "\"LIMIT takes a whole number from 0, not 'abc'\"}\n");
  CHECK(refusal("/api/users?limit=") == "\"LIMIT takes a whole number from 0, not ''\"}\n");
  CHECK(refusal("/api/users?limit=1&limit=2") == R"("the parameter \"limit\" is there twice"})"
                                                 "\n");
  CHECK(refusal("/api/users?Limit=1").starts_with(R"("this path takes no parameter \"Limit\")"));
  CHECK(refusal("/api/users?sort=name:desc").starts_with(R"("SORT: \"name:desc\" is no field's)"));
  CHECK(refusal("/api/users?sort=name&after=zz").starts_with("\"AFTER takes a cursor"));
  CHECK(refusal("/api/users?fields=-name").starts_with("\"FIELDS: "));
  CHECK(refusal("/api/users/changes?filter=%7B%7D") ==
        R"("this path takes no parameter \"filter\", but since"})"
        "\n");
  const char* none = "\"this path takes no parameter \\\"x\\\"\"}\n";
  for (const char* target : {"/health", "/ready", "/metrics", "/docs", "/openapi.yaml", "/ws",
                             "/api/collections", "/api/users/u", "/api/kv/k", "/api/indexes/users"})
    CHECK(refusal(std::string(target) + "?x=1") == none);
  CHECK(refusal("/api/kv/k?x=1", "PUT", "v") == none);
  CHECK(refusal("/api/kv/k?x=1", "DELETE") == none);
  CHECK(refusal("/api/users?x=1", "POST", "{}") == none);
  CHECK(refusal("/api/users/batch?x=1", "POST", R"({"items":[]})") == none);
  CHECK(refusal("/api/users/u?x=1", "PUT", "{}") == none);
  CHECK(refusal("/api/users/u?x=1", "PATCH", "{}") == none);
  CHECK(refusal("/api/users/u?x=1", "DELETE") == none);
  CHECK(refusal("/api/indexes/users?x=1", "POST", R"({"fields":["a"]})") == none);
  CHECK(refusal("/api/indexes/users/a?x=1", "DELETE") == none);
  CHECK(refusal("/api/sql?x=1", "POST", R"({"sql":"SELECT 1"})") == none);
  CHECK(refusal("/api/users/batch", "POST", R"({"items":[],"ordered":false})") ==
        R"("the body is {\"items\": […]}, and nothing else"})"
        "\n");
  CHECK(http.request("GET", "/api/users/u").body.starts_with(R"({"id":"u","name":"Kim",)"));
  CHECK(http.request("GET", "/api/kv/k").status == 404);
  // What forms and pages that go on send is nothing wrong.
  CHECK(http.request("GET", "/api/users?&sort=&after=&fields=&&limit=5&").status == 200);
  CHECK(http.request("GET", "/api/users?sort=-name,+age&fields=name,+age").status == 200);
}

TEST_CASE("keys are read and written over HTTP as their bytes") {
  HttpServer http;
  const std::string value("a\0b\xff", 4);
  CHECK(http.request("PUT", "/api/kv/a%2Fb", value).status == 200);
  CHECK(http.request("GET", "/api/kv/a%2Fb").body == value);
  CHECK(http.server().connect().call({"GET", "a/b"}).text == value);
  CHECK(http.request("DELETE", "/api/kv/a%2Fb").status == 200);
  CHECK(has(http.request("DELETE", "/api/kv/a%2Fb"), 404, "not_found"));
  CHECK(has(http.request("GET", "/api/kv/a%2Fb"), 404, "not_found"));
}

TEST_CASE("health, readiness and metrics") {
  HttpServer http;
  const std::string health = http.request("GET", "/health").body;
  CHECK(health.starts_with(R"({"status":"ok","version":")"));
  CHECK(health.find(R"("role":"master")") != std::string::npos);
  CHECK(http.request("GET", "/ready").body == "{\"status\":\"ready\"}\n");
  const Response metrics = http.request("GET", "/metrics");
  CHECK(metrics.headers.at("content-type") == "text/plain; version=0.0.4");
  CHECK(metrics.body.find("\nkimdb_is_master 1\n") != std::string::npos);
  CHECK(has(http.request("GET", "/"), 404, "no_route"));
  CHECK(has(http.request("GET", "/api/c/a/b"), 404, "no_route"));
  const Response wrong = http.request("DELETE", "/health");
  CHECK(has(wrong, 405, "method_not_allowed"));
  CHECK(wrong.headers.at("allow") == "GET");
}

TEST_CASE("requests come in one write, in parts, and in a body of chunks") {
  HttpServer http;
  TcpClient client = http.connect();
  client.send(
      "PUT /api/kv/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /api/kv/k HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /api/c HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string last = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  for (const char byte : last) client.send(std::string(1, byte));
  const std::string all = client.receive_until_close();
  CHECK(all.find("\r\n\r\nabcdeHTTP/1.1 200 OK") != std::string::npos);
  std::size_t responses = 0;
  for (std::size_t at = 0; (at = all.find("HTTP/1.1 200 OK", at)) != std::string::npos; ++at)
    ++responses;
  CHECK(responses == 4);

  TcpClient waits = http.connect();
  waits.send(
      "PUT /api/kv/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
      "Expect: 100-continue\r\nConnection: close\r\n\r\n");
  CHECK(waits.receive_line() == "HTTP/1.1 100 Continue");
  waits.send("x");
  CHECK(waits.receive_until_close().find("HTTP/1.1 200 OK") != std::string::npos);
}

TEST_CASE("what is no request, or too large, is told so, and the connection ends") {
  HttpServer http({"http.max_body_size=2KB"});
  const auto answer = [&](const std::string& text) {
    TcpClient client = http.connect();
    client.send(text);
    return parse_http_response(client.receive_until_close());
  };
  CHECK(has(answer("nonsense\r\n\r\n"), 400, "bad_request"));
  CHECK(has(answer("GET x HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400, "bad_request"));
  CHECK(has(answer("GET /%4 HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400, "bad_request"));
  CHECK(has(answer("GET / HTTP/1.1\r\nX: " + std::string(40000, 'x') + "\r\n\r\n"), 431,
            "headers_too_large"));
  CHECK(has(answer("PUT /api/kv/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2049\r\n\r\n"),
            413, "body_too_large"));
  CHECK(has(answer("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"), 403, "foreign_host"));
  const std::string put = "PUT /api/kv/k HTTP/1.1\r\nHost: localhost\r\n";
  CHECK(has(answer(put + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 400,
            "bad_request"));
  CHECK(has(answer(put + "Host: other\r\nContent-Length: 0\r\n\r\n"), 400, "bad_request"));
  CHECK(has(answer(put + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'a')), 431,
            "headers_too_large"));
  // Also where the body is on its way already.
  for (int i = 0; i < 20; ++i)
    CHECK(
        has(answer("PUT /api/kv/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n" +
                   std::string(1'000'000, 'x')),
            413, "body_too_large"));
}

TEST_CASE("pages of other origins, and names made to point here, are kept out") {
  HttpServer http({"http.hosts=db.example.com, other.example.com",
                   "http.cors_origins=https://app.example.com"});
  CHECK(has(http.request("GET", "/health", "", {"Host: evil.example.com"}), 403, "foreign_host"));
  CHECK(http.request("GET", "/health", "", {"Host: db.example.com:40000"}).status == 200);
  CHECK(http.request("GET", "/health", "", {"Host: other.example.com"}).status == 200);
  CHECK(http.request("GET", "/health", "", {"Host: 192.168.1.5:40000"}).status == 200);
  CHECK(http.request("GET", "/health", "", {"Host: [::1]:40000"}).status == 200);
  CHECK(has(http.request("GET", "/health", "", {"Origin: https://evil.example.com"}), 403,
            "foreign_origin"));
  CHECK(has(http.request("GET", "/health", "", {"Origin: null"}), 403, "foreign_origin"));
  CHECK(http.request("GET", "/health", "", {"Host: localhost:1", "Origin: http://localhost:1"})
            .status == 200);
  const Response allowed = http.request("GET", "/health", "", {"Origin: https://app.example.com"});
  CHECK(allowed.status == 200);
  CHECK(allowed.headers.at("access-control-allow-origin") == "https://app.example.com");
  const Response asked =
      http.request("OPTIONS", "/api/users/a", "", {"Origin: https://app.example.com"});
  CHECK(asked.status == 204);
  CHECK(asked.headers.at("access-control-allow-methods").find("PATCH") != std::string::npos);
}

TEST_CASE("with auth.enabled HTTP wants a user, and gives what that one may") {
  const auto hash = database::hash_password("secret");
  REQUIRE(hash.has_value());
  HttpServer http({"auth.enabled=true",
                   "auth.users=[{name: kim, role: readwrite, password_hash: \"" + *hash +
                       "\"}, {name: lee, role: readonly, password_hash: \"" + *hash + "\"}]"});
  const std::string kim = "Authorization: Basic a2ltOnNlY3JldA==";
  const std::string lee = "Authorization: basic bGVlOnNlY3JldA==";
  const Response asked = http.request("GET", "/api/c/a");
  CHECK(has(asked, 401, "not_authenticated"));
  CHECK(asked.headers.at("www-authenticate").starts_with("Basic"));
  CHECK(has(http.request("GET", "/api/c/a", "", {"Authorization: Basic a2ltOng="}), 401,
            "not_authenticated"));
  for (const char* bad : {"Basic", "Basic *", "Basic a2lt", "Bearer a2ltOnNlY3JldA=="})
    CHECK(has(http.request("GET", "/api/c/a", "", {"Authorization: " + std::string(bad)}), 401,
              "not_authenticated"));
  CHECK(http.request("PUT", "/api/c/a", "{}", {kim}).status == 201);
  CHECK(http.request("GET", "/api/c/a", "", {lee}).status == 200);
  CHECK(has(http.request("PUT", "/api/c/a", "{}", {lee}), 403, "forbidden"));
  CHECK(http.request("GET", "/health").status == 200);
  CHECK(has(http.request("GET", "/metrics"), 401, "not_authenticated"));

  // On one connection each request is its own user's.
  TcpClient client = http.connect();
  const auto send = [&](const std::string& method, const std::string& header) {
    client.send(method + " /api/c/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + header +
                "\r\n{}");
  };
  send("PUT", kim + "\r\n");
  send("PUT", lee + "\r\n");
  send("PUT", "");
  send("PUT", kim + "\r\nConnection: close\r\n");
  const std::string all = client.receive_until_close();
  std::vector<std::string> statuses;
  for (std::size_t at = 0; (at = all.find("HTTP/1.1 ", at)) != std::string::npos; ++at)
    statuses.push_back(all.substr(at + 9, 3));
  CHECK(statuses == std::vector<std::string>{"201", "403", "401", "200"});
}

TEST_CASE("HTTP takes API keys and JSON Web Tokens, and keeps to their collections") {
  const support::TemporaryDirectory directory;
  const std::string secret = "0123456789abcdef0123456789abcdef";
  std::ofstream(directory.path() + "/secret") << secret << "\n";
  HttpServer http({"auth.enabled=true", "auth.jwt_algorithm=HS256",
                   "auth.jwt_key=" + directory.path() + "/secret",
                   "auth.api_keys=[{name: shop, key_hash: \"" +
                       database::hash_api_key("kimdb_shop") +
                       "\", role: readwrite, collections: {users: read, \"logs-*\": write}}, "
                       "{name: all, key_hash: \"" +
                       database::hash_api_key("kimdb_all") + "\", role: readwrite}]"});
  const std::string shop = "Authorization: Bearer kimdb_shop";
  const std::string all = "Authorization: bearer kimdb_all";
  CHECK(has(http.request("GET", "/api/users", "", {"Authorization: Bearer kimdb_x"}), 401,
            "not_authenticated"));
  CHECK(http.request("PUT", "/api/users/u", "{}", {all}).status == 201);
  CHECK(http.request("PUT", "/api/orders/o", "{}", {all}).status == 201);
  CHECK(http.request("PUT", "/api/kv/k", "v", {all}).status == 200);
  CHECK(http.request("GET", "/api/users/u", "", {shop}).status == 200);
  CHECK(http.request("GET", "/api/users", "", {shop}).status == 200);
  CHECK(http.request("PUT", "/api/logs-1/l", "{}", {shop}).status == 201);
  const Response listed = http.request("GET", "/api/collections", "", {shop});
  CHECK(listed.body.find("\"users\"") != std::string::npos);
  CHECK(listed.body.find("\"orders\"") == std::string::npos);
  for (const auto& [method, path] :
       std::vector<std::pair<std::string, std::string>>{{"PUT", "/api/users/u"},
                                                        {"DELETE", "/api/users/u"},
                                                        {"GET", "/api/orders/o"},
                                                        {"GET", "/api/orders"},
                                                        {"GET", "/api/orders/changes"},
                                                        {"GET", "/api/kv/k"},
                                                        {"PUT", "/api/kv/k"}}) {
    CAPTURE(method + " " + path);
    CHECK(has(http.request(method, path, method == "PUT" ? "{}" : "", {shop}), 403, "forbidden"));
  }

  const auto token = [&](std::int64_t seconds, const std::string& more) {
    return "Authorization: Bearer " +
           support::make_hs256_jwt(R"({"sub":"kim","exp":)" +
                                       std::to_string(SystemClock().unix_ms() / 1000 + seconds) +
                                       more + "}",
                                   secret);
  };
  CHECK(http.request("GET", "/api/users/u", "", {token(60, "")}).status == 200);
  CHECK(has(http.request("PUT", "/api/users/u", "{}", {token(60, "")}), 403, "forbidden"));
  CHECK(http.request("PUT", "/api/users/u", "{}", {token(60, R"(,"role":"readwrite")")}).status ==
        200);
  CHECK(has(http.request("GET", "/api/users/u", "", {token(-60, "")}), 401, "token_expired"));
  CHECK(http.request("HEAD", "/api/users/changes").status == 401);
  // Who has logged in on a connection, or had, may still ask how the server is.
  TcpClient asks = http.connect();
  for (const std::string& path : {std::string("/api/users/u"), std::string("/health"),
                                  std::string("/api/users/u"), std::string("/api/orders/o")})
    asks.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + shop + "\r\n" +
              (path == "/api/orders/o" ? "Connection: close\r\n\r\n" : "\r\n"));
  const std::string asked = asks.receive_until_close();
  std::vector<std::string> statuses;
  for (std::size_t at = 0; (at = asked.find("HTTP/1.1 ", at)) != std::string::npos; ++at)
    statuses.push_back(asked.substr(at + 9, 3));
  CHECK(statuses == std::vector<std::string>{"200", "200", "200", "403"});
  // Clocks may differ by 30 seconds: this one has a second left.
  TcpClient client = http.connect();
  client.send("GET /api/users/changes HTTP/1.1\r\nHost: localhost\r\n" + token(-29, "") +
              "\r\n\r\n");
  const std::string stream = client.receive_until_close();
  CHECK(stream.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(stream.find("event: subscribed") != std::string::npos);
}

TEST_CASE("indexes are made, shown and removed over HTTP") {
  HttpServer http;
  CHECK(http.request("PUT", "/api/users/u", R"({"name":"Kim","address":{"city":"Bern"}})").status ==
        201);
  const Response made = http.request("POST", "/api/indexes/users",
                                     R"({"fields":["address.city","-name"],"unique":true})");
  CHECK(made.status == 201);
  CHECK(made.headers.at("location") == "/api/indexes/users/address.city_-name");
  CHECK(http.request("POST", "/api/indexes/users",
                     R"({"fields":["age"],"kind":"hash","name":"by age","unique":false})")
            .headers.at("location") == "/api/indexes/users/by%20age");
  const Response listed = http.request("GET", "/api/indexes/users");
  CHECK(listed.status == 200);
  CHECK(listed.body.find(R"({"name":"address.city_-name","fields":["address.city","-name"],)"
                         R"("kind":"ordered","unique":true,"keys":1,)") != std::string::npos);
  CHECK(listed.body.find(R"({"name":"by age","fields":["age"],"kind":"hash","unique":false,)") !=
        std::string::npos);
  CHECK(has(http.request("POST", "/api/indexes/users", R"({"fields":["age"],"name":"by age"})"),
            409, "conflict"));
  CHECK(has(http.request("PUT", "/api/users/v", R"({"name":"Kim","address":{"city":"Bern"}})"), 409,
            "duplicate_key"));
  for (const char* wrong :
       {"[]", "{}", R"({"fields":[]})", R"({"fields":"a"})", R"({"fields":[1]})",
        R"({"fields":["a,b"]})", R"({"fields":["(a"]})", R"({"fields":["a"],"kind":"tree"})",
        R"({"fields":["a"],"unique":1})", R"({"fields":["a"],"sparse":true})"}) {
    CAPTURE(wrong);
    CHECK(has(http.request("POST", "/api/indexes/users", wrong), 400, "bad_request"));
  }
  CHECK(has(http.request("POST", "/api/indexes/users", "{"), 400, "invalid_json"));
  CHECK(has(http.request("POST", "/api/indexes/_x", R"({"fields":["a"]})"), 400, "bad_request"));
  CHECK(http.request("DELETE", "/api/indexes/users/by%20age").status == 200);
  CHECK(has(http.request("DELETE", "/api/indexes/users/by%20age"), 404, "not_found"));
  // The path is no collection's.
  CHECK(has(http.request("PUT", "/api/indexes/users", "{}"), 400, "bad_request"));
}

TEST_CASE("large replies are compressed for those who take that") {
  HttpServer http;
  const std::string text(5000, 'x');
  for (const char* id : {"a", "b"})
    http.request("PUT", "/api/users/" + std::string(id), R"({"text":")" + text + "\"}");
  const std::string path = http.server().data_directory() + ".gz";
  const Response plain = http.request("GET", "/api/users");
  CHECK(plain.body.size() > 10'000);
  CHECK(plain.headers.at("vary") == "Accept-Encoding");
  CHECK_FALSE(plain.headers.contains("content-encoding"));
  for (const char* header : {"Accept-Encoding: gzip", "Accept-Encoding: deflate, GZIP;q=0.5, br",
                             "Accept-Encoding: br;q=1.0, *"}) {
    const Response packed = http.request("GET", "/api/users", "", {header});
    CHECK(packed.headers.at("content-encoding") == "gzip");
    CHECK(packed.headers.at("content-length") == std::to_string(packed.body.size()));
    CHECK(packed.body.size() < 1000);
    // gzip itself is what says whether it is right.
    std::ofstream(path) << packed.body;
    REQUIRE(std::system(("gunzip -c " + path + " >" + path + ".out").c_str()) == 0);
    CHECK(support::file_text(path + ".out") == plain.body);
  }
  for (const char* header : {"Accept-Encoding: gzip;q=0", "Accept-Encoding: br",
                             "Accept-Encoding: identity, *;q=0", "Accept-Encoding: gzip;q=x"})
    CHECK(http.request("GET", "/api/users", "", {header}).body == plain.body);
  // An ETag names the bytes; small ones are not worth it.
  const Response one = http.request("GET", "/api/users/a", "", {"Accept-Encoding: gzip"});
  CHECK_FALSE(one.headers.contains("content-encoding"));
  CHECK_FALSE(http.request("GET", "/health", "", {"Accept-Encoding: gzip"})
                  .headers.contains("content-encoding"));
}

TEST_CASE("http.rate_limit holds for one login or address, and not for /health") {
  HttpServer http({"http.rate_limit=3", "auth.enabled=true",
                   "auth.api_keys=[{name: a, key_hash: \"" + database::hash_api_key("kimdb_a") +
                       "\", role: admin}, {name: b, key_hash: \"" +
                       database::hash_api_key("kimdb_b") + "\", role: admin}]"});
  const auto ask = [&](const std::string& key) {
    return http.request("GET", "/api/collections", "", {"Authorization: Bearer kimdb_" + key});
  };
  int limited = 0;
  for (int i = 0; i < 20; ++i) {
    const Response response = ask("a");
    if (response.status == 200) continue;
    ++limited;
    CHECK(has(response, 429, "rate_limited"));
    CHECK(response.headers.at("retry-after") == "1");
  }
  CHECK(limited > 0);
  CHECK(ask("b").status == 200);
  for (int i = 0; i < 10; ++i) CHECK(http.request("GET", "/health").status == 200);
  TcpClient lines = http.server().connect();
  CHECK(lines.ask("AUTH kimdb_b") == "Authenticated");
  CHECK(lines.ask("CONFIG SET http.rate_limit 0") == "OK");
  for (int i = 0; i < 20; ++i) CHECK(ask("a").status == 200);
}

TEST_CASE("with tls.cert HTTP is HTTPS") {
  support::Certificates certificates;
  const std::string certificate = certificates.issue("server");
  HttpServer http(
      {"tls.cert=" + certificate, "tls.key=" + support::Certificates::key_of(certificate)});
  const std::string command = "curl -s --cacert " + certificates.ca() +
                              " https://localhost:" + std::to_string(http.port()) + "/ready";
  FILE* curl = popen(command.c_str(), "r");
  char answer[64] = {};
  const std::size_t size = fread(answer, 1, sizeof answer, curl);
  CHECK(pclose(curl) == 0);
  CHECK(std::string_view(answer, size) == "{\"status\":\"ready\"}\n");
  TcpClient plain = http.connect();
  plain.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(has(parse_http_response(plain.receive_until_close()), 400, "tls_required"));
}

TEST_CASE("statements run over HTTP, with parameters, and rows come as JSON") {
  const HttpServer server;
  const auto run = [&](const std::string& body) {
    return server.request("POST", "/api/sql", body);
  };
  CHECK(
      run(R"-({"sql":"CREATE TABLE t (a INT PRIMARY KEY, b BOOLEAN, c DOUBLE, d TEXT)"})-").body ==
      "{\"success\":true}\n");
  CHECK(run(R"-({"sql":"INSERT INTO t VALUES (?, ?, ?, ?), (2, false, 1e300, NULL)",)-"
            R"-("params":[1, true, 0.5, "\u00e4\"|"]})-")
            .body == "{\"success\":true,\"changed\":2}\n");
  CHECK(run(R"-({"sql":"SELECT * FROM t ORDER BY a"})-").body ==
        "{\"success\":true,\"count\":2,\"rows\":[{\"a\":1,\"b\":true,\"c\":0.5,\"d\":\"ä\\\"|\"},"
        "{\"a\":2,\"b\":false,\"c\":1e+300,\"d\":null}]}\n");
  CHECK(run(R"-({"sql":"SELECT x'00ff' AS b"})-").body ==
        "{\"success\":true,\"count\":1,\"rows\":[{\"b\":{\"base64\":\"AP8=\"}}]}\n");
  CHECK(has(run(R"-({"sql":"BEGIN"})-"), 400, "bad_request"));
  CHECK(has(run(R"-({"sql":"SELECT ?"})-"), 400, "bad_request"));
  CHECK(has(run(R"-({"sql":"SELECT 1","x":1})-"), 400, "bad_request"));
  CHECK(has(run(R"-({"sql":"INSERT INTO t (a) VALUES (1)"})-"), 409, "duplicate_key"));
  CHECK(has(run("{"), 400, "invalid_json"));
}

TEST_CASE("several statements of one request are answered one by one, and end what they begin") {
  const HttpServer server;
  const auto run = [&](const std::string& sql) {
    return server.request("POST", "/api/sql", "{\"sql\":\"" + sql + "\"}");
  };
  CHECK(run("CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1), (2); SELECT a FROM t "
            "WHERE a = 1; SELECT a FROM t WHERE a = 9")
            .body ==
        "{\"success\":true,\"results\":[{},{\"changed\":2},{\"count\":1,\"rows\":[{\"a\":1}]},"
        "{\"count\":0,\"rows\":[]}]}\n");
  CHECK(run("SELECT a FROM t WHERE a = 9; SELECT 1 AS b").body ==
        "{\"success\":true,\"results\":[{\"count\":0,\"rows\":[]},{\"count\":1,\"rows\":[{\"b\":1}]"
        "}]}\n");
  CHECK(run("INSERT INTO t VALUES (3) RETURNING a").body ==
        "{\"success\":true,\"count\":1,\"rows\":[{\"a\":3}]}\n");
  CHECK(run("BEGIN; INSERT INTO t VALUES (4); INSERT INTO t VALUES (5); COMMIT").body ==
        "{\"success\":true,\"results\":[{},{\"changed\":1},{\"changed\":1},{}]}\n");
  CHECK(has(run("BEGIN; INSERT INTO t VALUES (6); INSERT INTO t VALUES (5); COMMIT"), 409,
            "duplicate_key"));
  CHECK(has(run("BEGIN; INSERT INTO t VALUES (6)"), 400, "bad_request"));
  CHECK(run("INSERT INTO t VALUES (6); INSERT INTO t VALUES (1)").body.find("1 before it done") !=
        std::string::npos);
  CHECK(run("SELECT count(*) AS n FROM t").body ==
        "{\"success\":true,\"count\":1,\"rows\":[{\"n\":6}]}\n");
}

TEST_CASE("a slave answers reads over HTTP and refuses writes") {
  const std::uint16_t listen = free_port();
  HttpServer master({"replication.enabled=true", "replication.replica_type=master",
                     "replication.listen=127.0.0.1:" + std::to_string(listen)});
  HttpServer slave({"replication.enabled=true", "replication.replica_type=slave",
                    "replication.master_address=127.0.0.1:" + std::to_string(listen),
                    "replication.listen=127.0.0.1:" + std::to_string(free_port())});
  const Response written = master.request("PUT", "/api/c/a", "{}");
  CHECK(written.status == 201);
  // What was written is read there by who says where it was.
  const std::string position = written.headers.at("x-kimdb-lsn");
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    const std::string at =
        master.request("PUT", "/api/kv/" + number, number).headers.at("x-kimdb-lsn");
    CHECK(slave.request("GET", "/api/kv/" + number, "", {"X-Kimdb-Min-LSN: " + at}).body == number);
  }
  const Response read = slave.request("GET", "/api/c/a", "", {"X-Kimdb-Min-LSN: " + position});
  CHECK(read.status == 200);
  CHECK(read.headers.at("x-kimdb-lsn") == position);
  const auto behind = [&](const std::string& least) {
    return slave.request("GET", "/api/c/a", "", {"X-Kimdb-Min-LSN: " + least});
  };
  CHECK(has(behind("x"), 400, "bad_request"));
  CHECK(has(behind("0-1"), 410, "position_unknown"));
  CHECK(has(behind("1-99999"), 503, "not_reached"));
  // What anybody may ask waits for nothing.
  CHECK(slave.request("GET", "/health", "", {"X-Kimdb-Min-LSN: x"}).status == 200);
  CHECK(slave.request("GET", "/ready").status == 200);
  CHECK(has(slave.request("PUT", "/api/c/a", "{}"), 503, "read_only"));
  // Nothing is acknowledged that the slave does not have.
  slave.server().kill();
  CHECK(has(master.request("PUT", "/api/c/b", "{}"), 503, "outcome_unknown"));
  CHECK(has(master.request("PUT", "/api/c/b", "{}"), 503, "no_replicas"));
}

TEST_CASE("a transaction over keys, documents and tables is one request") {
  const HttpServer server;
  CHECK(
      server
          .request("POST", "/api/sql", R"-({"sql":"CREATE TABLE t (id INT PRIMARY KEY, n INT)"})-")
          .status == 200);
  const auto run = [&](const std::string& commands, const std::string& more = "") {
    return server.request("POST", "/api/tx", R"({"commands":)" + commands + more + "}");
  };
  const Response done = run(
      R"-([["SET","k","1"],["INCRBY","k",2],["DOC","PUT","d","1",{"n":1}],["DOC","GET","d","1"],)-"
      R"-(["SQL","INSERT INTO t VALUES (?, ?)","PARAMS",[1,10]],["SQL","SELECT * FROM t"],["GET","none"]])-",
      R"(,"isolation":"serializable")");
  CHECK(done.status == 200);
  CHECK(done.body.starts_with(R"({"success":true,"results":["OK",3,["1",1],{"id":"1","n":1,)"));
  CHECK(done.body.ends_with("},1,[{\"id\":1,\"n\":10}],null]}\n"));
  CHECK(has(run(R"([["SET","k","9"],["DOC","GET","none"]])"), 400, "bad_request"));
  CHECK(has(run(R"-([["SET","k","9"],["SQL","INSERT INTO t VALUES (1, 1)"]])-"), 409,
            "duplicate_key"));
  CHECK(has(run(R"([["SET","k","9"],["SQL","COMMIT"]])"), 400, "bad_request"));
  CHECK(server.request("GET", "/api/kv/k").body == "3");
  for (const char* body : {"{}", R"({"commands":1})", R"({"commands":[],"x":1})",
                           R"({"commands":[],"isolation":"none"})", "[]", "x"}) {
    CAPTURE(body);
    CHECK(server.request("POST", "/api/tx", body).status == 400);
  }
  // Nothing is left open on the connection.
  CHECK(server.request("POST", "/api/sql", R"({"sql":"SELECT count(*) AS n FROM t"})").body ==
        "{\"success\":true,\"count\":1,\"rows\":[{\"n\":1}]}\n");
}

}  // namespace kimdb::server
