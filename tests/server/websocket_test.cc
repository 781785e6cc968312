// WebSockets: messages, subscriptions, and what the protocol asks for.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "database/password.h"
#include "database/token.h"
#include "engine/json_tree.h"
#include "server/http/websocket_codec.h"
#include "tests/support/jwt.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"
#include "tests/support/websocket_client.h"

namespace kimdb::server {
namespace {

using support::free_port;
using support::TcpClient;
using support::TcpError;
using support::TestServer;
using support::websocket_frame;
using support::WebSocketClient;

struct SocketServer {
  explicit SocketServer(std::vector<std::string> settings = {})
      : port(free_port()), server([&] {
          settings.push_back("http.address=127.0.0.1:" + std::to_string(port));
          return settings;
        }()) {}
  const std::uint16_t port;
  TestServer server;
};

// A member of a message, as JSON; empty where there is none.
std::string member(const std::string& message, std::string_view name) {
  const auto tree = engine::parse_json_tree(message);
  REQUIRE_MESSAGE(tree, message);
  const engine::JsonMember* found = tree->find(name);
  std::string out;
  if (found != nullptr) engine::append_json(out, found->value);
  return out;
}

bool has(const std::string& message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("messages become commands, and their replies come back in order") {
  SocketServer s;
  WebSocketClient client(s.port);
  CHECK(has(client.greeting(), R"({"type":"connected","clientId":")"));
  CHECK(has(client.greeting(), R"("serverId":")"));
  CHECK(client.ask(R"({"type":"ping","time":[1,"a"],"requestId":{"a":1}})") ==
        R"({"type":"pong","requestId":{"a":1},"time":[1,"a"]})");
  const std::string created = client.ask(R"({"type":"create","collection":"c","data":{"a":1}})");
  CHECK(member(created, "type") == "\"created\"");
  CHECK(member(created, "_version") == "1");
  CHECK(member(created, "id").size() == 28);
  CHECK(client.ask(R"({"type":"insert","collection":"c","id":"x","data":{"a":2}})") ==
        R"({"type":"insert_ok","collection":"c","id":"x","_version":1})");
  CHECK(has(client.ask(R"({"type":"insert","collection":"c","id":"x","data":{"a":2}})"),
            R"("code":"conflict")"));
  CHECK(client.ask(R"({"type":"update","collection":"c","id":"x","data":{"a":3}})") ==
        R"({"type":"update_ok","collection":"c","id":"x","_version":2})");
  CHECK(has(client.ask(R"({"type":"update","collection":"c","id":"none","data":{}})"),
            R"("code":"not_found")"));
  const std::string conflict =
      client.ask(R"({"type":"update","collection":"c","id":"x","data":{"a":4},"ifVersion":1})");
  CHECK(member(conflict, "conflict") == "true");
  CHECK(has(member(conflict, "serverData"), R"("a":3,"_version":2)"));
  CHECK(has(client.ask(R"({"type":"update","collection":"c","id":"x","data":{},"ifVersion":2})"),
            R"("_version":3)"));
  CHECK(client.ask(R"({"type":"doc_save","collection":"c","id":"y","data":{"a":9}})") ==
        R"({"type":"doc_save_ok","collection":"c","id":"y","_version":1})");
  for (const std::string type : {"get", "doc_get"}) {
    const std::string got =
        client.ask(R"({"type":")" + type + R"(","collection":"c","id":"y","requestId":7})");
    CHECK(has(got, R"({"type":")" + type + R"(_ok","requestId":7,"collection":"c","id":"y",)"));
    CHECK(has(got, R"("data":{"id":"y","a":9,"_version":1,)"));
  }
  CHECK(member(client.ask(R"({"type":"get","collection":"c","id":"none"})"), "data") == "null");
  const std::string found = client.ask(
      R"({"type":"query","collection":"c","filter":{"a":{"$gte":1}},"sort":"-a","limit":1,"fields":"a"})");
  CHECK(member(found, "count") == "1");
  CHECK(has(member(found, "data"), R"("a":9)"));
  CHECK(member(found, "next") != "null");
  CHECK(member(client.ask(R"({"type":"list","collection":"c"})"), "count") == "3");
  CHECK(client.ask(R"({"type":"delete","collection":"c","id":"y"})") ==
        R"({"type":"delete_ok","collection":"c","id":"y","deleted":true})");
  CHECK(member(client.ask(R"({"type":"delete","collection":"c","id":"y"})"), "deleted") == "false");
}

TEST_CASE("a transaction over keys, documents and tables is one message") {
  SocketServer s;
  WebSocketClient client(s.port);
  client.greeting();
  CHECK(client.ask(R"({"type":"tx","commands":[["SET","k","1"],["DOC","PUT","c","x",{"a":1}]],)"
                   R"("isolation":"serializable","requestId":1})") ==
        R"({"type":"tx_ok","requestId":1,"results":["OK",["x",1]]})");
  CHECK(has(
      client.ask(R"({"type":"tx","commands":[["INCR","k"],["DOC","GET","none","x"],["INCR","x"],)"
                 R"(["DOC","MERGE","c","none",{}]]})"),
      "command 3: document not found"));
  CHECK(client.ask(R"({"type":"tx","commands":[["GET","k"]]})") ==
        R"({"type":"tx_ok","results":["1"]})");
  CHECK(has(client.ask(R"({"type":"tx","commands":1})"), "commands takes an array"));
  CHECK(has(client.ask(R"({"type":"tx","commands":[],"isolation":"none"})"),
            "isolation is snapshot or serializable"));
}

TEST_CASE("what is wrong with a message is said, and nothing else happens") {
  SocketServer s;
  WebSocketClient client(s.port);
  const auto code = [&](std::string_view message) { return member(client.ask(message), "code"); };
  CHECK(code("") == "\"invalid_json\"");
  CHECK(code("{") == "\"invalid_json\"");
  CHECK(code("[]") == "\"bad_request\"");
  CHECK(code("{}") == "\"bad_request\"");
  CHECK(code(R"({"type":7})") == "\"bad_request\"");
  CHECK(
      client.ask(R"({"type":"X","requestId":"r"})") ==
      R"({"type":"error","requestId":"r","code":"unknown_type","message":"Unknown message type: X"})");
  CHECK(code(R"({"type":"create","collection":"c"})") == "\"bad_request\"");
  CHECK(code(R"({"type":"create","collection":"c","data":[]})") == "\"bad_request\"");
  CHECK(code(R"({"type":"create","collection":"no such/name","data":{}})") == "\"bad_request\"");
  CHECK(code(R"({"type":"get","collection":"c"})") == "\"bad_request\"");
  CHECK(code(R"({"type":"query","collection":"c","limit":-1})") == "\"bad_request\"");
  CHECK(code(R"({"type":"query","collection":"c","filter":{"$no":1}})") == "\"bad_request\"");
  CHECK(code(R"({"type":"update","collection":"c","id":"x","data":{},"ifVersion":"1"})") ==
        "\"bad_request\"");
  CHECK(code(R"({"type":"subscribe","collection":"_x"})") == "\"bad_request\"");
  CHECK(code(R"({"type":"subscribe","collection":"c","since":"yesterday"})") == "\"bad_request\"");
  CHECK(code(R"({"type":"query","collection":"c","live":true})") == "\"bad_request\"");
  CHECK(code(R"({"type":"query","collection":"c","live":1,"queryId":"q"})") == "\"bad_request\"");
  CHECK(code(R"({"type":"subscribe","collection":"c","filter":{"a":{"$no":1}}})") ==
        "\"bad_request\"");
  const auto says = [&](std::string_view message) {
    return member(client.ask(message), "message");
  };
  CHECK(says(R"({"type":"list","collection":"c","limits":5})") ==
        R"("this message has no member \"limits\"")");
  CHECK(says(R"({"type":"query","collection":"c","where":{"a":1}})") ==
        R"("this message has no member \"where\"")");
  CHECK(says(R"({"type":"query","collection":"c","limit":"5"})") == "\"limit takes a number\"");
  CHECK(says(R"({"type":"query","collection":"c","sort":{"a":1}})") == "\"sort takes a text\"");
  CHECK(says(R"({"type":"query","collection":"c","filter":"{}"})") == "\"filter takes an object\"");
  CHECK(says(R"({"type":"query","collection":"c","queryId":"q"})") ==
        "\"queryId stands beside live: true\"");
  CHECK(says(R"({"type":"subscribe","collection":"c","from":"1-1"})") ==
        R"("this message has no member \"from\"")");
  CHECK(says(R"({"type":"create","collection":"c","data":{},"ifVersion":1})") ==
        R"("this message has no member \"ifVersion\"")");
  CHECK(
      has(says(R"({"type":"update","collection":"c","id":"x","data":{"$inc":{"a":1}}})"), "$inc"));
  CHECK(has(client.ask(R"({"type":"batch_sync","clientId":"x","operations":[{"opId":1,)"
                       R"("type":"create","collection":"c","data":{},"upsert":true}]})"),
            R"(has no member \"upsert\")"));
  CHECK(member(client.ask(R"({"type":"list","collection":"c"})"), "count") == "0");
}

TEST_CASE("subscribers get what is committed through any interface, in the order of the log") {
  SocketServer s;
  TcpClient lines = s.server.connect();
  WebSocketClient both(s.port);
  WebSocketClient one(s.port);
  WebSocketClient writer(s.port);
  const auto subscribe = [](WebSocketClient& client, const std::string& collection,
                            const std::string& more = "") {
    return client.ask(R"({"type":"subscribe","collection":")" + collection + "\"" + more + "}");
  };
  CHECK(has(subscribe(both, "a"), R"({"type":"subscribed","collection":"a","position":")"));
  subscribe(both, "b");
  subscribe(one, "b");
  lines.call({"DOC", "PUT", "a", "1", "{\"n\":1}"});
  lines.call({"DOC", "PUT", "other", "1", "{}"});
  lines.call({"DOC", "BULK", "b", R"([{"id":"1","data":{}},{"id":"2","data":{}}])"});
  writer.ask(R"({"type":"doc_save","collection":"a","id":"1","data":{"n":2}})");
  lines.call({"DOC", "DEL", "b", "2"});
  lines.call({"DOC", "DEL", "a", "1"});
  const std::string first = both.receive_change();
  CHECK(
      has(first,
          R"({"type":"sync","collection":"a","event":"insert","id":"1","data":{"id":"1","n":1,)"));
  CHECK(member(first, "_version") == "1");
  CHECK(std::stoll(member(first, "timestamp")) > 1'700'000'000'000);
  std::vector<std::string> told;
  std::vector<std::string> positions = {member(first, "position")};
  for (int i = 0; i < 5; ++i) {
    const std::string change = both.receive_change();
    told.push_back(member(change, "collection") + member(change, "event") + member(change, "id"));
    positions.push_back(member(change, "position"));
  }
  CHECK(told == std::vector<std::string>{R"("b""insert""1")", R"("b""insert""2")",
                                         R"("a""update""1")", R"("b""delete""2")",
                                         R"("a""delete""1")"});
  for (int i = 0; i < 3; ++i) CHECK(member(one.receive_change(), "collection") == "\"b\"");
  // Not any more.
  CHECK(one.ask(R"({"type":"unsubscribe","collection":"b"})") ==
        R"({"type":"unsubscribed","collection":"b"})");
  lines.call({"DOC", "PUT", "b", "3", "{}"});
  lines.call({"DOC", "PUT", "a", "3", "{}"});
  CHECK(member(both.receive_change(), "collection") == "\"b\"");
  CHECK(one.ask(R"({"type":"ping"})") == R"({"type":"pong","time":null})");
  // Behind the first of a bulk comes the second.
  subscribe(one, "b", R"(,"since":)" + positions[1]);
  CHECK(member(one.receive_change(), "position") == positions[2]);
  CHECK(member(one.receive_change(), "event") == "\"delete\"");
}

TEST_CASE("a filter's subscriber gets what matches, and is told what does not match any more") {
  SocketServer s;
  TcpClient lines = s.server.connect();
  WebSocketClient client(s.port);
  lines.call({"DOC", "PUT", "c", "old", "{\"n\":5}"});
  client.ask(R"({"type":"subscribe","collection":"c","filter":{"n":{"$gte":5}}})");
  const auto put = [&](std::string_view id, std::string_view json) {
    lines.call({"DOC", "PUT", "c", id, json});
  };
  put("a", "{\"n\":1}");    // never matched: nothing
  put("a", "{\"n\":2}");    // nobody knows whether it is known: told once
  put("a", "{\"n\":3}");    // nothing
  put("old", "{\"n\":4}");  // matched before the subscription
  put("b", "{\"n\":7}");
  put("a", "{\"n\":8}");
  put("b", "{}");
  put("b", "{\"n\":1}");                 // nothing
  lines.call({"DOC", "DEL", "c", "b"});  // nothing
  lines.call({"DOC", "DEL", "c", "a"});
  std::vector<std::string> told;
  for (int i = 0; i < 5; ++i) {
    const std::string change = client.receive_change();
    told.push_back(member(change, "event") + member(change, "id"));
  }
  CHECK(told == std::vector<std::string>{R"("delete""old")", R"("insert""b")", R"("update""a")",
                                         R"("delete""b")", R"("delete""a")"});
}

TEST_CASE("a position that is unknown begins anew: all documents, and then what changes") {
  SocketServer s;
  TcpClient lines = s.server.connect();
  for (int i = 0; i < 300; ++i)
    lines.call({"DOC", "PUT", "c", std::to_string(i), "{\"n\":" + std::to_string(i) + "}"});
  for (const char* since : {"1-999999", "7-3"}) {
    WebSocketClient client(s.port);
    const std::string reset =
        client.ask(R"({"type":"subscribe","collection":"c","filter":{"n":{"$gte":100}},"since":")" +
                   std::string(since) + R"(","requestId":5})");
    CHECK(has(reset, R"({"type":"reset","requestId":5,"collection":"c"})"));
    for (int i = 0; i < 200; ++i) {
      const std::string insert = client.receive();
      REQUIRE(has(insert, R"({"type":"sync","collection":"c","event":"insert","id":")"));
      REQUIRE(member(insert, "_version") == "1");
      REQUIRE(member(insert, "position").empty());  // who comes back now has not seen all
    }
    CHECK(has(client.receive(), R"({"type":"live","requestId":5,"collection":"c","position":"1-)"));
    lines.call({"DOC", "PUT", "c", "x", "{\"n\":1000}"});
    CHECK(member(client.receive(), "id") == "\"x\"");
    lines.call({"DOC", "DEL", "c", "x"});
    CHECK(member(client.receive(), "event") == "\"delete\"");
  }
}

TEST_CASE("a live query's result is kept as it is") {
  SocketServer s;
  TcpClient lines = s.server.connect();
  const auto put = [&](std::string_view id, int n) {
    lines.call({"DOC", "PUT", "c", id, "{\"n\":" + std::to_string(n) + "}"});
  };
  put("a", 10), put("b", 20), put("c", 30), put("d", 1);
  WebSocketClient client(s.port);
  const std::string first = client.ask(
      R"({"type":"query","collection":"c","filter":{"n":{"$gte":10}},"sort":"n","limit":3,)"
      R"("fields":"n","live":true,"queryId":"q"})");
  CHECK(has(first, R"({"type":"query_ok","queryId":"q","collection":"c","count":3,)"));
  put("d", 15);
  CHECK(has(client.receive(), R"({"type":"removed","queryId":"q","id":"c"})"));
  CHECK(client.receive() ==
        R"({"type":"added","queryId":"q","id":"d","index":1,"data":{"id":"d","n":15}})");
  put("a", 17);
  CHECK(client.receive() == R"({"type":"moved","queryId":"q","id":"d","index":0})");
  CHECK(client.receive() ==
        R"({"type":"changed","queryId":"q","id":"a","index":1,"data":{"id":"a","n":17}})");
  put("z", 500);  // beyond the limit: nothing
  put("y", 2);    // does not match
  lines.call({"DOC", "DEL", "c", "b"});
  CHECK(client.receive() == R"({"type":"removed","queryId":"q","id":"b"})");
  CHECK(has(client.receive(), R"({"type":"added","queryId":"q","id":"c","index":2)"));
  CHECK(client.ask(R"({"type":"unsubscribe","queryId":"q"})") ==
        R"({"type":"unsubscribed","queryId":"q"})");
  put("a", 18);
  CHECK(client.ask(R"({"type":"ping"})") == R"({"type":"pong","time":null})");
}

TEST_CASE("whatever changes, the messages of a live query lead to its result") {
  SeededRandom random(support::test_seed("the messages of a live query lead to its result"));
  SocketServer s;
  TcpClient lines = s.server.connect();
  WebSocketClient client(s.port);
  const std::string words = R"("collection":"c","filter":{"n":{"$lt":50}},"sort":"-n","limit":8)";
  std::vector<std::string> ids;  // as the client has them
  std::string reply = client.ask(R"({"type":"query",)" + words + R"(,"live":true,"queryId":"q"})");
  REQUIRE(member(reply, "count") == "0");
  const auto take = [&](const std::string& message) {
    const std::string type = member(message, "type"), id = member(message, "id");
    const auto at = std::find(ids.begin(), ids.end(), id);
    if (type == "\"removed\"" || type == "\"moved\"") {
      REQUIRE(at != ids.end());
      ids.erase(at);
    }
    if (type == "\"added\"" || type == "\"moved\"") {
      const std::size_t index = std::stoul(member(message, "index"));
      REQUIRE(index <= ids.size());
      ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(index), id);
    }
  };
  for (int round = 0; round < 100; ++round) {
    for (std::uint64_t i = random.below(6); i > 0; --i) {
      const std::string id = "d" + std::to_string(random.below(20));
      if (random.below(4) == 0)
        lines.call({"DOC", "DEL", "c", id});
      else
        lines.call({"DOC", "PUT", "c", id, "{\"n\":" + std::to_string(random.below(60)) + "}"});
    }
    const auto shown = lines.call(
        {"DOC", "FIND", "c", "{\"n\":{\"$lt\":50}}", "SORT", "-n", "LIMIT", "8", "FIELDS", "n"});
    std::vector<std::string> expected;
    for (const auto& document : shown.elements[1].elements)
      expected.push_back(member(document.text, "id"));
    while (ids != expected) take(client.receive());
  }
}

// What is written while the result is read is in it, or is told behind it, also when nothing
// follows.
TEST_CASE("live queries and resets miss nothing that changes while their result is read") {
  SocketServer s;
  SeededRandom random(support::test_seed("live queries and resets miss nothing"));
  TcpClient lines = s.server.connect();
  for (int part = 0; part < 40; ++part) {
    std::string items = "[";
    for (int i = 0; i < 1000; ++i)
      items += std::string(i == 0 ? "" : ",") + R"({"data":{"n":)" + std::to_string(i) + "}}";
    lines.call({"DOC", "BULK", "c", items + "]"});
  }
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    const std::string id = "hit" + std::to_string(round);
    WebSocketClient client(s.port, std::chrono::seconds(5));  // before the server's first ping
    const std::string filter = R"("filter":{"hit":)" + std::to_string(round) + "}";
    client.send(round % 2 == 0
                    ? R"({"type":"query","collection":"c","live":true,"queryId":"q",)" + filter +
                          "}"
                    : R"({"type":"subscribe","collection":"c","since":"7-7",)" + filter + "}");
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
    lines.call({"DOC", "PUT", "c", id, "{\"hit\":" + std::to_string(round) + "}"});
    while (!has(client.receive(), "\"" + id + "\"")) {
    }
  }
}

TEST_CASE("merge keeps of each field the latest write") {
  SocketServer s;
  WebSocketClient client(s.port);
  const auto merge = [&](const std::string& fields) {
    return client.ask(R"({"type":"merge","collection":"c","id":"d","fields":)" + fields + "}");
  };
  CHECK(merge(R"({"a":{"value":1,"ts":100},"b":{"value":2,"ts":50}})") ==
        R"({"type":"merge_ok","collection":"c","id":"d","_version":1,"applied":["a","b"]})");
  CHECK(merge(R"({"a":{"value":9,"ts":99},"b":{"value":3,"ts":51}})") ==
        R"({"type":"merge_ok","collection":"c","id":"d","_version":2,"applied":["b"]})");
  CHECK(member(client.ask(R"({"type":"get","collection":"c","id":"d"})"), "data")
            .starts_with(R"({"id":"d","a":1,"b":3,)"));
  CHECK(member(merge(R"({"a":1})"), "code") == "\"bad_request\"");
}

TEST_CASE("sync gives what changed behind a position") {
  SocketServer s;
  WebSocketClient client(s.port);
  const std::string begun = client.ask(R"({"type":"sync","collection":"c"})");
  CHECK(member(begun, "type") == "\"sync_response\"");
  CHECK(member(begun, "changes") == "[]");
  CHECK(std::stoll(member(begun, "serverTime")) > 1'700'000'000'000);
  for (const char* id : {"a", "b"})
    client.ask(R"({"type":"insert","collection":"c","id":")" + std::string(id) + R"(","data":{}})");
  client.ask(R"({"type":"delete","collection":"c","id":"a"})");
  const std::string since = R"({"type":"sync","collection":"c","since":)";
  const std::string all = client.ask(since + member(begun, "position") + "}");
  const std::string all_changes = member(all, "changes");
  const auto tree = engine::parse_json_tree(all_changes);
  REQUIRE(tree->items.size() == 3);
  CHECK(tree->items[0].find("event")->value.text == "\"insert\"");
  CHECK(tree->items[2].find("event")->value.text == "\"delete\"");
  CHECK(tree->items[2].find("data") == nullptr);
  const std::string first = client.ask(since + member(begun, "position") + R"(,"limit":1})");
  CHECK(member(first, "more") == "true");
  const std::string rest = client.ask(since + member(first, "position") + "}");
  const std::string rest_changes = member(rest, "changes");
  CHECK(engine::parse_json_tree(rest_changes)->items.size() == 2);
  CHECK(member(rest, "more") == "false");
  CHECK(member(rest, "position") == member(all, "position"));
  CHECK(member(client.ask(since + "\"9-9\"}"), "code") == "\"position_unknown\"");
}

TEST_CASE("an operation of batch_sync is done once, however often it is sent") {
  SocketServer s;
  WebSocketClient client(s.port);
  const auto batch = [&](const std::string& operations) {
    return R"({"type":"batch_sync","clientId":"phone","operations":[)" + operations + "]}";
  };
  const std::string message = batch(
      R"({"opId":1,"type":"create","collection":"c","data":{"n":1}},)"
      R"({"opId":2,"type":"insert","collection":"c","id":"x","data":{}},)"
      R"({"opId":3,"type":"insert","collection":"c","id":"x","data":{}},)"
      R"({"opId":4,"type":"merge","collection":"c","id":"x","fields":{"a":{"value":1,"ts":9}}},)"
      R"({"opId":5,"type":"update","collection":"c","id":"none","data":{}},)"
      R"({"opId":6,"type":"get","collection":"c","id":"x"},)"
      R"({"opId":7,"type":"delete","collection":"c","id":"x"})");
  const std::string done = client.ask(message);
  const std::string results = member(done, "results");
  const auto tree = engine::parse_json_tree(results);
  REQUIRE_MESSAGE(tree, done);
  std::vector<std::string> outcomes;
  for (const auto& item : tree->items) {
    const auto* code = item.find("code");
    outcomes.push_back(
        std::string(item.find("opId")->value.text) + " " +
        std::string(code == nullptr ? item.find("success")->value.text : code->value.text));
  }
  CHECK(outcomes == std::vector<std::string>{"1 true", "2 true", "3 \"conflict\"", "4 true",
                                             "5 \"not_found\"", "6 \"bad_request\"", "7 true"});
  CHECK(client.ask(message) == done);
  // A number stands for its first operation, whatever another one asks for.
  for (const std::string other :
       {R"({"opId":7,"type":"create","collection":"c","data":{}})",
        R"({"opId":7,"type":"merge","collection":"c","id":"x","fields":{"a":{"value":1,"ts":9}}})",
        R"({"opId":1,"type":"delete","collection":"c","id":"x"})",
        R"({"opId":1,"type":"merge","collection":"c","id":"x","fields":{"a":{"value":1,"ts":9}}})"})
    CHECK(has(client.ask(batch(other)), R"("success":false,"code":"conflict")"));
  s.server.kill();
  s.server.restart();
  WebSocketClient again(s.port);
  CHECK(again.ask(message) == done);
  CHECK(member(again.ask(R"({"type":"list","collection":"c"})"), "count") == "1");
  const std::string one = R"({"opId":9,"type":"create","collection":"c","data":{}})";
  for (const std::string& wrong :
       {std::string(R"({"opId":0,"type":"create","collection":"c","data":{}})"),
        std::string(R"({"opId":"a","type":"create","collection":"c","data":{}})"), one + "," + one,
        std::string("1")})
    CHECK(member(again.ask(batch(wrong)), "code") == "\"bad_request\"");
  CHECK(member(again.ask(R"({"type":"batch_sync","operations":[]})"), "code") == "\"bad_request\"");
  CHECK(again.ask(batch("")) == R"({"type":"batch_sync_ok","results":[]})");
}

TEST_CASE("a WebSocket logs in by its request or by a message") {
  const auto hash = database::hash_password("secret");
  REQUIRE(hash);
  SocketServer s({"auth.enabled=true",
                  "auth.users=[{name: kim, role: readonly, password_hash: \"" + *hash + "\"}]"});
  WebSocketClient client(s.port);
  const std::string subscribe = R"({"type":"subscribe","collection":"c"})";
  const std::string list = R"({"type":"list","collection":"c"})";
  CHECK(member(client.ask(subscribe), "code") == "\"not_authenticated\"");
  CHECK(member(client.ask(list), "code") == "\"not_authenticated\"");
  CHECK(member(client.ask(R"({"type":"ping"})"), "type") == "\"pong\"");
  CHECK(member(client.ask(R"({"type":"auth","user":"kim","password":"wrong"})"), "code") ==
        "\"not_authenticated\"");
  CHECK(client.ask(R"({"type":"auth","user":"kim","password":"secret","requestId":1})") ==
        R"({"type":"auth_ok","requestId":1})");
  CHECK(member(client.ask(list), "type") == "\"list_ok\"");
  CHECK(member(client.ask(R"({"type":"create","collection":"c","data":{}})"), "code") ==
        "\"forbidden\"");
  // kim:secret
  WebSocketClient other(s.port, TcpClient::kTimeout, "Authorization: Basic a2ltOnNlY3JldA==\r\n");
  CHECK(member(other.ask(subscribe), "type") == "\"subscribed\"");
  // What came right behind the request waits for the login.
  TcpClient eager(s.port);
  eager.send(
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Authorization: Basic a2ltOnNlY3JldA==\r\n\r\n" +
      websocket_frame(0x81, R"({"type":"ping","time":1})"));
  while (!eager.receive_line().empty()) {
  }
  std::string answers;
  for (int i = 0; i < 2; ++i)
    answers += eager.receive_exact(static_cast<unsigned char>(eager.receive_exact(2)[1]));
  CHECK(has(answers, "pong"));
  CHECK_THROWS_WITH_AS(
      WebSocketClient(s.port, TcpClient::kTimeout, "Authorization: Basic a2ltOndyb25n\r\n"),
      "HTTP/1.1 401 Unauthorized", TcpError);
}

TEST_CASE("a WebSocket keeps to its login's collections, and ends with it") {
  const support::TemporaryDirectory directory;
  const std::string secret = "0123456789abcdef0123456789abcdef";
  std::ofstream(directory.path() + "/secret") << secret;
  SocketServer s({"auth.enabled=true", "auth.jwt_algorithm=HS256",
                  "auth.jwt_key=" + directory.path() + "/secret",
                  "auth.api_keys=[{name: all, key_hash: \"" + database::hash_api_key("kimdb_all") +
                      "\", role: readwrite}]"});
  const auto token = [&](std::int64_t seconds, const std::string& collections) {
    return support::make_hs256_jwt(
        R"({"sub":"kim","role":"readwrite","collections":)" + collections + R"(,"exp":)" +
            std::to_string(SystemClock().unix_ms() / 1000 + seconds) + "}",
        secret);
  };
  const auto log_in = [](WebSocketClient& client, const std::string& text) {
    return member(client.ask(R"({"type":"auth","token":")" + text + "\"}"), "type");
  };
  WebSocketClient all(s.port);
  CHECK(log_in(all, "kimdb_all") == "\"auth_ok\"");
  CHECK(member(all.ask(R"({"type":"subscribe","collection":"a"})"), "type") == "\"subscribed\"");
  CHECK(member(all.ask(R"({"type":"query","collection":"b","live":true,"queryId":"q"})"), "type") ==
        "\"query_ok\"");

  WebSocketClient client(s.port);
  CHECK(member(client.ask(R"({"type":"auth","token":"kimdb_x"})"), "code") ==
        "\"not_authenticated\"");
  CHECK(member(client.ask(R"({"type":"auth","token":")" + token(-60, "{}") + "\"}"), "code") ==
        "\"token_expired\"");
  CHECK(log_in(client, token(60, R"({"a":"write","b":"read"})")) == "\"auth_ok\"");
  CHECK(member(client.ask(R"({"type":"subscribe","collection":"a"})"), "type") == "\"subscribed\"");
  CHECK(member(client.ask(R"({"type":"query","collection":"b","live":true,"queryId":"q"})"),
               "type") == "\"query_ok\"");
  for (const char* message :
       {R"({"type":"subscribe","collection":"c"})",
        R"({"type":"query","collection":"c","live":true,"queryId":"p"})",
        R"({"type":"query","collection":"c"})", R"({"type":"get","collection":"c","id":"x"})",
        R"({"type":"create","collection":"b","data":{}})"}) {
    CAPTURE(message);
    CHECK(member(client.ask(message), "code") == "\"forbidden\"");
  }
  // Somebody else goes on, who may see less: the rest ends.
  CHECK(log_in(client, token(-29, R"({"a":"read"})")) == "\"auth_ok\"");
  CHECK(
      client.receive() ==
      R"({"type":"error","queryId":"q","code":"forbidden","message":"this login may not read the collection"})");
  CHECK(member(all.ask(R"({"type":"insert","collection":"b","id":"x","data":{}})"), "type") ==
        "\"insert_ok\"");
  CHECK(member(all.receive(), "type") == "\"added\"");
  CHECK(member(all.ask(R"({"type":"insert","collection":"a","id":"y","data":{}})"), "type") ==
        "\"insert_ok\"");
  CHECK(member(client.receive(), "id") == "\"y\"");
  // The token's last second.
  CHECK_THROWS_AS(client.receive(), TcpError);
  CHECK(client.close_code() == 1008);
}

TEST_CASE("what does not keep to the protocol is closed with its code") {
  SocketServer s;
  const auto closed_by = [&](const std::string& bytes) {
    WebSocketClient client(s.port);
    client.tcp().send(bytes);
    try {
      for (;;) client.receive();
    } catch (const TcpError&) {
      return client.close_code();
    }
  };
  CHECK(closed_by(websocket_frame(0x81, "{}", false)) == 1002);  // not masked
  CHECK(closed_by(websocket_frame(0x91, "{}")) == 1002);         // a reserved bit
  CHECK(closed_by(websocket_frame(0x83, "{}")) == 1002);         // no such opcode
  CHECK(closed_by(websocket_frame(0x82, "{}")) == 1003);         // binary
  CHECK(closed_by(websocket_frame(0x81, "\xff\xff")) == 1007);   // not UTF-8
  CHECK(closed_by(websocket_frame(0x88, "\x03\xe8")) == 1000);   // closes
  CHECK(closed_by(websocket_frame(0x80, "{}")) == 1002);         // continues nothing
  CHECK(closed_by(websocket_frame(0x81, std::string((1 << 20) + 1, ' '))) == 1009);
  // Split into single bytes, and a message in three frames with a ping in between.
  WebSocketClient client(s.port);
  for (const char c : websocket_frame(0x01, "{\"type\":") + websocket_frame(0x00, "\"pi") +
                          websocket_frame(0x89, "x") + websocket_frame(0x80, "ng\"}"))
    client.tcp().send(std::string(1, c));
  CHECK(client.receive() == R"({"type":"pong","time":null})");
}

TEST_CASE("what a client sends before it closes is done, and answered") {
  SocketServer s;
  WebSocketClient client(s.port);
  client.tcp().send(
      websocket_frame(0x81, R"({"type":"doc_save","collection":"c","id":"x","data":{}})") +
      websocket_frame(0x81, R"({"type":"list","collection":"c"})") +
      websocket_frame(0x88, "\x03\xe8"));
  CHECK(has(client.receive(), "doc_save_ok"));
  CHECK(member(client.receive(), "count") == "1");
  CHECK_THROWS_AS(client.receive(), TcpError);
  CHECK(client.close_code() == 1000);
}

TEST_CASE("a request that is no WebSocket's is told so") {
  SocketServer s;
  const auto status = [&](const std::string& headers, const std::string& path = "/ws") {
    TcpClient client(s.port);
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
    return client.receive_line();
  };
  const std::string upgrade = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  CHECK(status("") == "HTTP/1.1 426 Upgrade Required");
  CHECK(status(upgrade + key + "Sec-WebSocket-Version: 8\r\n") == "HTTP/1.1 426 Upgrade Required");
  CHECK(status(upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n") ==
        "HTTP/1.1 400 Bad Request");
  CHECK(status(upgrade + key + "Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example\r\n") ==
        "HTTP/1.1 403 Forbidden");
  CHECK(status(upgrade + key + "Sec-WebSocket-Version: 13\r\n", "/") ==
        "HTTP/1.1 101 Switching Protocols");
  CHECK(status("", "/") == "HTTP/1.1 404 Not Found");
}

TEST_CASE("messages may follow the request at once") {
  SocketServer s;
  TcpClient client(s.port);
  client.send(
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
      websocket_frame(0x81, R"({"type":"ping"})"));
  while (!client.receive_line().empty()) {
  }
  const std::string connected = client.receive_exact(2);
  client.receive_exact(static_cast<unsigned char>(connected[1]));
  CHECK(client.receive_exact(29) == "\x81\x1b{\"type\":\"pong\",\"time\":null}");
}

TEST_CASE("a server that stops says so to its WebSockets") {
  SocketServer s;
  WebSocketClient client(s.port);
  client.ask(R"({"type":"subscribe","collection":"c"})");
  CHECK(s.server.stop() == 0);
  CHECK(client.receive() == R"({"type":"server_shutdown"})");
  CHECK_THROWS_AS(client.receive(), TcpError);
  CHECK(client.close_code() == 1001);
}

}  // namespace kimdb::server
