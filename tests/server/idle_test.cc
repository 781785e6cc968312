// How long a connection may be silent, and how the server notices that nobody is there any more.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "tests/support/http_server.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;

void configure(TcpClient& client, const std::string& name, const std::string& value) {
  REQUIRE(client.ask("CONFIG SET " + name + " " + value) == "OK");
}

// The kernel's keepalive timers (number 2 of /proc/net/tcp) of the server's connections: how many
// there are, and the longest time in seconds until one fires.
struct KeepaliveTimers {
  int count = 0;
  long seconds = 0;
};

KeepaliveTimers keepalive_timers(std::uint16_t port) {
  KeepaliveTimers timers;
  std::ifstream table("/proc/net/tcp");
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer;
    fields >> slot >> local >> remote >> state >> queues >> timer;
    char at[8];
    std::snprintf(at, sizeof at, ":%04X", port);
    if (!local.ends_with(at) || state != "01" || !timer.starts_with("02:")) continue;
    ++timers.count;
    timers.seconds = std::max(timers.seconds, std::stol(timer.substr(3), nullptr, 16) / 100);
  }
  return timers;
}

}  // namespace

TEST_CASE("by default silence is no reason to close a connection, as in Redis") {
  TestServer server;
  CHECK(server.connect().ask("CONFIG GET network.idle_timeout") == "*2");
  TcpClient client = server.connect();
  client.send("FORMAT json\nCONFIG GET network.idle_timeout\n");
  client.receive_line();
  CHECK(client.receive_line() == R"({"network.idle_timeout":"0"})");
}

TEST_CASE("a connection that is silent within BEGIN and COMMIT is closed, another one is not") {
  TestServer server;
  TcpClient admin = server.connect(20s), silent = server.connect(20s), open = server.connect(20s);
  REQUIRE(admin.ask("CREATE TABLE t (id INT PRIMARY KEY)") == "OK");
  REQUIRE(silent.ask("PING") == "PONG");
  // An open transaction counts also where the connection is told of something.
  REQUIRE(open.ask("SUBSCRIBE news") == "> subscribe news 1");
  REQUIRE(open.ask("BEGIN") == "OK");
  REQUIRE(open.ask("INSERT INTO t VALUES (1)") == "1");
  configure(admin, "sql.idle_transaction_timeout", "1s");
  CHECK(open.wait_for_close());
  CHECK(silent.ask("PING") == "PONG");
  // The log is written by a thread of its own.
  const auto is_logged = [&] {
    return server.output().find("closed: idle (sql.idle_transaction_timeout)") != std::string::npos;
  };
  for (int i = 0; i < 1000 && !is_logged(); ++i) std::this_thread::sleep_for(10ms);
  CHECK(is_logged());
  CHECK(admin.ask("SELECT count(*) FROM t") == "*2");
  CHECK(admin.receive_line() == "count(*)");
  CHECK(admin.receive_line() == "0");
}

TEST_CASE(
    "network.idle_timeout closes lines, http.idle_timeout closes HTTP, and neither the other") {
  HttpServer http({"http.idle_timeout=0"});
  TcpClient admin = http.server().connect(20s), lines = http.server().connect(20s);
  TcpClient kept = http.connect();
  const auto asks = [&] {
    kept.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return kept.receive_line();
  };
  CHECK(asks() == "HTTP/1.1 200 OK");
  CHECK(lines.ask("PING") == "PONG");
  configure(admin, "network.idle_timeout", "1s");
  CHECK(lines.wait_for_close());
  TcpClient again = http.server().connect(20s);
  configure(again, "network.idle_timeout", "0");
  kept.receive_available();
  CHECK(asks() == "HTTP/1.1 200 OK");
  configure(again, "http.idle_timeout", "1s");
  CHECK(kept.wait_for_close());
  CHECK(again.ask("PING") == "PONG");
}

TEST_CASE("TCP asks a silent client whether it is there, after network.tcp_keepalive") {
  TestServer server;
  TcpClient client = server.connect();
  REQUIRE(client.ask("PING") == "PONG");
  const KeepaliveTimers by_default = keepalive_timers(server.port());
  CHECK(by_default.count == 1);
  CHECK(by_default.seconds <= 300);
  CHECK(by_default.seconds > 100);
  configure(client, "network.tcp_keepalive", "20s");
  TcpClient next = server.connect();
  REQUIRE(next.ask("PING") == "PONG");
  client.close();
  const KeepaliveTimers changed = keepalive_timers(server.port());
  CHECK(changed.count == 1);
  CHECK(changed.seconds <= 20);
}

TEST_CASE("with network.tcp_keepalive 0 nobody is asked") {
  TestServer server({"network.tcp_keepalive=0"});
  TcpClient client = server.connect();
  REQUIRE(client.ask("PING") == "PONG");
  CHECK(keepalive_timers(server.port()).count == 0);
}

}  // namespace kimdb::support
