// Subscribers of a collection's changes, cut off at random: each change comes once, in order.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "engine/json_tree.h"
#include "tests/support/tcp_client.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"
#include "tests/support/websocket_client.h"

namespace kimdb::server {
namespace {

using namespace std::chrono_literals;
using support::free_port;
using support::TcpClient;
using support::TcpError;
using support::TestServer;
using support::WebSocketClient;

struct Event {
  std::string position;
  std::string kind;
  std::string id;
  std::uint64_t version = 0;
};

// What a browser's EventSource does, or a page with a WebSocket: events are whole or not there, the
// last position is kept.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, std::string collection)
      : port_(port), collection_(std::move(collection)) {}

  // Connects where the last connection ended, and reads until `enough` bytes have come, or nothing
  // does for a while.
  void read(std::size_t enough) {
    by_socket_ = !by_socket_;
    if (by_socket_ && !last_id_.empty()) return read_by_socket(enough);
    std::string text;
    try {
      TcpClient client(port_, 300ms);
      client.send("GET /api/" + collection_ + "/changes HTTP/1.1\r\nHost: localhost\r\n" +
                  (last_id_.empty() ? "" : "Last-Event-ID: " + last_id_ + "\r\n") + "\r\n");
      while (text.size() < enough) {
        text += client.receive_line() + "\n";
        if (text.starts_with("HTTP") && !text.starts_with("HTTP/1.1 200")) return;
      }
    } catch (const TcpError&) {
      // Nothing more came, or the server was killed.
    }
    take_events(text);
  }

  const std::vector<Event>& events() const { return events_; }

 private:
  void read_by_socket(std::size_t enough) {
    try {
      WebSocketClient client(port_, 300ms);
      client.send(R"({"type":"subscribe","collection":")" + collection_ + R"(","since":")" +
                  last_id_ + "\"}");
      for (std::size_t bytes = 0; bytes < enough;) {
        const std::string message = client.receive();
        bytes += message.size();
        if (!message.starts_with("{\"type\":\"sync\"")) continue;
        const auto tree = engine::parse_json_tree(message);
        REQUIRE(tree);
        last_id_ = engine::decode_json_string(tree->find("position")->value.text);
        add_event(message);
      }
    } catch (const TcpError&) {
      // Nothing more came, or the server was killed.
    }
  }
  void take_events(const std::string& text) {
    std::size_t at = text.find("\n\n");
    for (std::size_t end; at != std::string::npos; at = end) {
      at += 2;
      end = text.find("\n\n", at);
      if (end == std::string::npos) return;
      take_event(text.substr(at, end - at));
    }
  }
  void take_event(const std::string& text) {
    const auto field = [&](const std::string& name) {
      const std::size_t begin = text.find(name + ": ");
      if (begin == std::string::npos) return std::string();
      const std::size_t from = begin + name.size() + 2;
      return text.substr(from, text.find('\n', from) - from);
    };
    if (field("id").empty()) return;  // a comment
    last_id_ = field("id");
    if (field("event") != "subscribed") add_event(field("data"));
  }
  void add_event(const std::string& json) {
    const auto data = engine::parse_json_tree(json);
    REQUIRE(data);
    Event event{.position = last_id_,
                .kind = engine::decode_json_string(data->find("event")->value.text),
                .id = engine::decode_json_string(data->find("id")->value.text)};
    if (const engine::JsonMember* version = data->find("_version"))
      event.version = std::stoull(std::string(version->value.text));
    events_.push_back(std::move(event));
  }

  const std::uint16_t port_;
  const std::string collection_;
  std::string last_id_;
  bool by_socket_ = true;  // in turn
  std::vector<Event> events_;
};

// Versions rise by one from 1 with each document, and every position is new.
void check_each_once(const std::vector<Event>& events,
                     const std::map<std::string, std::uint64_t>& expected) {
  std::map<std::string, std::uint64_t> versions;
  std::map<std::string, int> positions;
  for (const Event& event : events) {
    CAPTURE(event.position);
    CAPTURE(event.id);
    REQUIRE(++positions[event.position] == 1);
    std::uint64_t& version = versions[event.id];
    if (event.kind == "delete") {
      REQUIRE(version != 0);
      versions.erase(event.id);
      continue;
    }
    REQUIRE(event.kind == (version == 0 ? "insert" : "update"));
    REQUIRE(event.version == ++version);
  }
  REQUIRE(versions == expected);
}

std::map<std::string, std::uint64_t> versions_of(TcpClient& client) {
  std::map<std::string, std::uint64_t> versions;
  for (const auto& document : client.call({"DOC", "LIST", "c"}).elements) {
    const auto tree = engine::parse_json_tree(document.text);
    versions[engine::decode_json_string(tree->find("id")->value.text)] =
        std::stoull(std::string(tree->find("_version")->value.text));
  }
  return versions;
}

}  // namespace

TEST_CASE("a subscriber that is cut off at random sees each change once, kill -9 in between") {
  SeededRandom random(support::test_seed("a subscriber that is cut off at random"));
  const std::uint64_t cuts = support::environment_number("KIMDB_CUTS", 100);
  const std::uint16_t port = free_port();
  TestServer server(
      {"http.address=127.0.0.1:" + std::to_string(port), "wal.max_segment_size=64KB"});
  Subscriber subscriber(port, "c");
  subscriber.read(SIZE_MAX);  // from now on

  std::atomic<bool> stopping{false};
  std::thread writer([&, seed = random.next()] {
    SeededRandom choice(seed);
    while (!stopping) {
      try {
        TcpClient client = server.connect(2s);
        while (!stopping) {
          const std::string id = "d" + std::to_string(choice.below(20));
          switch (choice.below(4)) {
            case 0:
              client.call({"DOC", "DEL", "c", id});
              break;
            case 1:
              client.call(
                  {"DOC", "BULK", "c",
                   R"([{"id":"x","data":{}},{"id":"y","data":{}},{"id":"x","op":"delete"}])"});
              break;
            case 2:
              client.call({"DOC", "PUT", "other", id, "{}"});
              break;
            default:
              client.call({"DOC", "PUT", "c", id, R"({"text":"some text that takes its room"})"});
          }
        }
      } catch (const TcpError&) {
        std::this_thread::sleep_for(10ms);
      }
    }
  });
  for (std::uint64_t i = 0; i < cuts; ++i) {
    if (random.below(20) == 0) {
      server.kill();
      server.restart();
    }
    subscriber.read(200 + random.below(20000));
  }
  stopping = true;
  writer.join();
  TcpClient client = server.connect();
  for (std::size_t before = SIZE_MAX; before != subscriber.events().size();) {
    before = subscriber.events().size();
    subscriber.read(SIZE_MAX);
  }
  check_each_once(subscriber.events(), versions_of(client));
  std::printf("%llu cuts, %zu changes, each seen once\n", static_cast<unsigned long long>(cuts),
              subscriber.events().size());
  CHECK(subscriber.events().size() > cuts);
}

TEST_CASE("subscribers of many collections get theirs, wherever they begin, on a slave too") {
  const std::uint16_t listen = free_port(), port = free_port(), slave_port = free_port();
  TestServer master({"http.address=127.0.0.1:" + std::to_string(port), "replication.enabled=true",
                     "replication.replica_type=master",
                     "replication.listen=127.0.0.1:" + std::to_string(listen)});
  TestServer slave({"http.address=127.0.0.1:" + std::to_string(slave_port),
                    "replication.enabled=true", "replication.replica_type=slave",
                    "replication.master_address=127.0.0.1:" + std::to_string(listen),
                    "replication.listen=127.0.0.1:" + std::to_string(free_port())});
  TcpClient client = master.connect(60s);
  client.call({"SET", "k", "v"});
  TcpClient reader = slave.connect();
  while (reader.call({"GET", "k"}).text != "v") std::this_thread::sleep_for(5ms);
  Subscriber follows(port, "c"), on_slave(slave_port, "c");
  follows.read(SIZE_MAX);
  on_slave.read(SIZE_MAX);
  Subscriber comes_late = follows;
  for (int i = 0; i < 50; ++i) {
    client.call({"DOC", "PUT", "c", "a", "{}"});
    client.call({"DOC", "PUT", "other", "a", "{}"});
  }
  // One that follows, and one that comes from far behind meanwhile.
  std::thread reads([&] { follows.read(SIZE_MAX); });
  client.call({"DOC", "PUT", "c", "b", "{}"});
  comes_late.read(SIZE_MAX);
  on_slave.read(SIZE_MAX);
  reads.join();
  for (const Subscriber* each : {&follows, &comes_late, &on_slave})
    check_each_once(each->events(), {{"a", 50}, {"b", 1}});
}

TEST_CASE("a position that is none, or that nobody knows, is refused") {
  const std::uint16_t port = free_port();
  TestServer server({"http.address=127.0.0.1:" + std::to_string(port)});
  const auto status = [&](const std::string& since) {
    TcpClient client(port);
    client.send("GET /api/c/changes?since=" + since +
                " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.receive_line();
  };
  for (const char* none : {"x", "1", "1-", "1-2.", "1-2.0", "1-2.x", "1-2x"})
    CHECK(status(none) == "HTTP/1.1 400 Bad Request");
  for (const char* unknown : {"1-99", "9-1", "0-1"}) CHECK(status(unknown) == "HTTP/1.1 410 Gone");
}

TEST_CASE("a subscriber that reads late gets everything, and costs no memory until then") {
  const std::uint16_t port = free_port();
  TestServer server(
      {"http.address=127.0.0.1:" + std::to_string(port), "network.max_output_buffer=1MB"});
  TcpClient subscriber(port);
  subscriber.send("GET /api/c/changes HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (!subscriber.receive_line().starts_with("data: ")) {
  }
  TcpClient writer = server.connect();
  constexpr int kChanges = 80;
  const std::string large(500'000, 'x');
  for (int i = 0; i < kChanges; ++i)
    writer.call({"DOC", "PUT", "c", std::to_string(i), "{\"x\":\"" + large + "\"}"});
  const auto info = writer.call({"CLIENT", "LIST"}).text;
  const std::size_t output = info.find(" omem=");
  REQUIRE(output != std::string::npos);
  // A batch and what is gathered behind it, not the 40 MB.
  std::size_t waits = 0;
  for (std::size_t at = output; at != std::string::npos; at = info.find(" omem=", at + 1))
    waits += std::stoull(info.substr(at + 6));
  CHECK(waits < 8'000'000);
  for (int i = 0; i < kChanges; ++i) {
    CAPTURE(i);
    std::string line;
    do line = subscriber.receive_line();
    while (!line.starts_with("data: "));
    REQUIRE(line.find("\"id\":\"" + std::to_string(i) + "\"") != std::string::npos);
  }
}

TEST_CASE("DOC WATCH shows the documents and then each change, on lines and RESP, until the end") {
  TestServer server;
  TcpClient writer = server.connect();
  writer.call({"DOC", "PUT", "c", "a", "{\"n\":1}"});
  writer.call({"DOC", "PUT", "c", "b", "{\"n\":9}"});
  TcpClient lines = server.connect();
  lines.send("DOC WATCH c {\"n\": {\"$gte\": 5}}\n");
  CHECK(lines.receive_line() == "*1");
  CHECK(lines.receive_line().starts_with("{\"id\":\"b\",\"n\":9,"));
  TcpClient resp = server.connect();
  resp.call({"HELLO", "3"});
  CHECK(resp.call({"DOC", "WATCH", "c"}).elements.size() == 2);
  writer.call({"DOC", "PUT", "c", "a", "{\"n\":7}"});
  writer.call({"DOC", "PUT", "c", "b", "{\"n\":2}"});
  writer.call({"DOC", "PUT", "c", "new", "{}"});
  writer.call({"DOC", "DEL", "c", "a"});
  const auto event = [&](const std::string& kind, const std::string& id) {
    const std::string line = lines.receive_line();
    CAPTURE(line);
    CHECK(line.starts_with("> change c " + kind + " " + id + " "));
    CHECK(line.find(kind == "delete" ? " (nil) 1-" : "\"n\":7,") != std::string::npos);
  };
  event("update", "a");
  event("delete", "b");  // it does not match any more
  event("delete", "a");
  for (const std::string id : {"a", "b", "new", "a"}) {
    const auto push = resp.receive_reply();
    CHECK(push.type == '>');
    REQUIRE(push.elements.size() == 6);
    CHECK(push.elements[3].text == id);
  }
  // Commands go on meanwhile, and it ends.
  CHECK(lines.ask("DOC COUNT c") == "2");
  CHECK(lines.ask("DOC UNWATCH c") == "1");
  CHECK(lines.ask("DOC UNWATCH c") == "0");
  resp.call({"UNSUBSCRIBE"});
  writer.call({"DOC", "PUT", "c", "x", "{\"n\":7}"});
  CHECK(lines.ask("PING") == "PONG");
  CHECK(resp.call({"PING"}).text == "PONG");
  CHECK(lines.ask("DOC WATCH c {\"$no\":1}").starts_with("ERROR: the filter"));
  CHECK(lines.ask("DOC WATCH _c").starts_with("ERROR: a collection's name"));
  lines.ask("MULTI");
  CHECK(lines.ask("DOC WATCH c").starts_with("ERROR: "));
}

}  // namespace kimdb::server
