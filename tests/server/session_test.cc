// Sessions of the real server: what hangs on the connection itself and on settings that change
// while it is open.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "database/password.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

void configure(TcpClient& client, const std::string& name, const std::string& value) {
  REQUIRE(client.ask("CONFIG SET " + name + " " + value) == "OK");
}

std::string with_users() {
  const auto hash = database::hash_password("secret");
  REQUIRE(hash.has_value());
  return "auth.users=[{name: kim, role: admin, password_hash: \"" + *hash + "\"}]";
}

}  // namespace

TEST_CASE("EXPLAINED is answered to the end, whatever its command depends on") {
  TestServer server;
  TcpClient client = server.connect(5s);
  for (const char* line :
       {"EXPLAINED PING", "EXPLAINED SET a 1", "EXPLAINED GET a", "EXPLAINED KEYS *"}) {
    CAPTURE(line);
    CHECK(client.ask(line) == "*2");
    std::string text;
    while (!text.starts_with("sync_us")) text = client.receive_line();
    client.receive_line();
    CHECK(client.ask("ECHO next") == "next");
  }
  client.send("EXPLAINED PING\nEXPLAINED PING\nQUIT\n");
  const std::string all = client.receive_until_close();
  CHECK(all.find("sync_us") != all.rfind("sync_us"));
  CHECK(all.ends_with("OK\n"));
}

TEST_CASE("a pipelined command behind prefix words works on its own key") {
  TestServer server({"wal.sync=off"});
  TcpClient client = server.connect(5s);
  std::string lines;
  for (int i = 0; i < 100; ++i)
    lines += "ACK memory SET k" + std::to_string(i) + " " + std::to_string(i) + "\n";
  client.send(lines);
  for (int i = 0; i < 100; ++i) REQUIRE(client.receive_line() == "OK");
  for (int i = 0; i < 100; ++i) CHECK(client.ask("GET k" + std::to_string(i)) == std::to_string(i));
}

TEST_CASE("commands on worker threads are counted") {
  TestServer server;
  TcpClient client = server.connect(5s);
  CHECK(client.ask("CONFIG RESETSTAT") == "OK");
  CHECK(client.ask("KEYS *") == "*0");
  CHECK(client.ask("KEYS *") == "*0");
  CHECK(client.call({"INFO", "commandstats"}).raw.find("cmdstat_keys:calls=2,") !=
        std::string::npos);
}

TEST_CASE("a call has failed where its reply is an error, in whatever format") {
  TestServer server;
  TcpClient client = server.connect(5s);
  CHECK(client.ask("SET a x") == "OK");
  CHECK(client.ask("GET missing") == "ERROR: key not found");  // an answer, no failure
  CHECK(client.ask("INCR a").starts_with("ERROR: "));
  CHECK(client.ask("FORMAT json").find("OK") != std::string::npos);
  CHECK(client.ask("INCR a").starts_with("{\"error\""));
  const std::string counts = client.call({"INFO", "commandstats"}).raw;
  const auto line_of = [&](const std::string& name) {
    const std::size_t start = counts.find("cmdstat_" + name + ":");
    return counts.substr(start, counts.find('\n', start) - start);
  };
  CHECK(line_of("get").find("failed_calls=0") != std::string::npos);
  CHECK(line_of("incr").find("failed_calls=2") != std::string::npos);
}

TEST_CASE("SHOW PROCESSLIST shows itself at work") {
  TestServer server;
  TcpClient client = server.connect(5s);
  CHECK(client.ask("SHOW PROCESSLIST") == "*1");
  CHECK(client.receive_line().ends_with("command=show time=0 state=executing"));
}

TEST_CASE("after CLIENT REPLY OFF what cannot be read is not answered either") {
  TestServer server;
  TcpClient client = server.connect(5s);
  client.send("CLIENT REPLY OFF\nSET a \"\nCLIENT REPLY ON\n");
  CHECK(client.receive_line() == "OK");
}

TEST_CASE("a client that ends its input still gets what it published to itself") {
  TestServer server;
  TcpClient client = server.connect(5s);
  client.send("SUBSCRIBE news\nPUBLISH news \"good day\"\n");
  client.shutdown_sending();
  CHECK(client.receive_until_close() == "> subscribe news 1\n1\n> message news \"good day\"\n");
}

TEST_CASE("CONFIG SET of the limits holds for sessions that are open and for new ones") {
  TestServer server;
  TcpClient admin = server.connect(10s), open = server.connect(10s);
  const std::string large = "SET k " + std::string(3000, 'x');
  CHECK(open.ask(large) == "OK");
  configure(admin, "network.max_message_size", "2KB");
  CHECK(open.ask(large).starts_with("ERROR: message exceeds 2KB"));
  CHECK(server.connect().ask(large).starts_with("ERROR: message exceeds 2KB"));
  configure(admin, "network.max_message_size", "4KB");
  CHECK(open.ask(large) == "OK");

  configure(admin, "network.greeting", "true");
  CHECK(server.connect().receive_line() == "HANDSHAKE|v1.0");
}

TEST_CASE("CONFIG SET of the output buffer's limit closes a session that does not read") {
  TestServer server;
  TcpClient admin = server.connect(10s), open = server.connect(10s);
  const std::string value(900'000, 'x');
  CHECK(admin.call({"SET", "k", value}).raw == "+OK\r\n");
  configure(admin, "network.max_output_buffer", "64KB");
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "GET k\n";
  const std::string id = open.ask("CLIENT ID");
  open.send(lines);
  // Whoever looks must not read in its place: that would drain the buffer.
  const TestDeadline deadline(10);
  bool there = true;
  while (there && !deadline.passed())
    there = admin.call({"CLIENT", "LIST", "ID", id}).raw.find("id=" + id) != std::string::npos;
  CHECK(!there);
}

TEST_CASE("CONFIG SET of the time limits closes sessions that are open") {
  TestServer server;
  TcpClient admin = server.connect(20s), idle = server.connect(20s), slow = server.connect(20s);
  CHECK(idle.ask("PING") == "PONG");
  slow.send("SET half");
  configure(admin, "network.request_timeout", "1s");
  CHECK(slow.wait_for_close());
  configure(admin, "network.idle_timeout", "1s");
  CHECK(idle.wait_for_close());
}

TEST_CASE("CONFIG SET of snapshot.interval begins snapshots") {
  TestServer server({"snapshot.interval=0"});
  TcpClient client = server.connect(20s);
  CHECK(client.ask("SET a 1") == "OK");
  const auto snapshots = [&] {
    const std::string name = "snapshot_last_lsn:";
    const std::string info = client.call({"INFO", "persistence"}).raw;
    return std::stoi(info.substr(info.find(name) + name.size()));
  };
  CHECK(snapshots() == 0);
  configure(client, "snapshot.interval", "1s");
  const auto end = steady_clock::now() + 15s;
  while (snapshots() == 0 && steady_clock::now() < end) {
  }
  CHECK(snapshots() > 0);
}

TEST_CASE("RESET brings back the small limits of those who have not logged in") {
  TestServer server({"auth.enabled=true", with_users()});
  TcpClient client = server.connect(10s);
  const std::string large = "ECHO " + std::string(20'000, 'x');
  CHECK(client.ask(large).starts_with("ERROR: message exceeds 16KB"));
  CHECK(client.ask("AUTH kim secret") == "Authenticated");
  CHECK(client.ask(large) == std::string(20'000, 'x'));
  CHECK(client.ask("RESET") == "RESET");
  CHECK(client.ask(large).starts_with("ERROR: message exceeds 16KB"));
  CHECK(client.ask("GET a") == "ERROR: authentication required");
}

}  // namespace kimdb::support
