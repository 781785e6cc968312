// Transactions over keys, documents and tables through kill -9, a snapshot, and on a slave that is
// promoted, with the real server.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/master_and_slave.h"
#include "tests/server/sql_lines.h"
#include "tests/support/test_seed.h"

namespace kimdb::support {
namespace {

constexpr int kWriters = 4;

// A writer counts up its key, its document and its row together, one transaction at a time.
class Writer {
 public:
  explicit Writer(int number) : number_(std::to_string(number)) {}

  // Until the server is gone.
  void run(const TestServer& server) {
    try {
      TcpClient client = server.connect();
      for (;;) {
        const std::string n = std::to_string(acknowledged_ + 1);
        for (const std::string& command : {std::string("BEGIN"), "SET k" + number_ + " " + n,
                                           "DOC PUT d " + number_ + " {\"n\": " + n + "}",
                                           "REPLACE INTO t VALUES (" + number_ + ", " + n + ")"})
          ask_lines(client, command);
        if (client.ask("COMMIT") != "OK") return;
        ++acknowledged_;
      }
    } catch (const TcpError&) {
      // Killed.
    }
  }

  // What the server has of it: the three agree, and nothing acknowledged is lost. What was under
  // way may be there as well.
  void check(const TestServer& server) {
    TcpClient client = server.connect();
    const std::string k = client.ask("GET k" + number_);
    const std::string document = client.ask("DOC GET d " + number_ + " $.n");
    const std::string n = document == "*1" ? client.receive_line() : document;
    const std::string row = ask_lines(client, "SELECT n FROM t WHERE id = " + number_);
    CAPTURE(number_);
    if (k == "ERROR: key not found") {
      CHECK(acknowledged_ == 0);
      CHECK(n == "(nil)");
      CHECK(row == "*1\nn");
      return;
    }
    CHECK(n == k);
    CHECK(row == "*2\nn\n" + k);
    const std::uint64_t found = std::stoull(k);
    CHECK(found >= acknowledged_);
    CHECK(found <= acknowledged_ + 1);
    acknowledged_ = found;
  }

  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  const std::string number_;
  std::uint64_t acknowledged_ = 0;
};

// All of them against the server, which is killed in between.
void write_until_killed(std::vector<Writer>& writers, TestServer& server) {
  std::vector<std::thread> threads;
  for (Writer& writer : writers) threads.emplace_back([&] { writer.run(server); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // how long it is under load
  server.kill();
  for (std::thread& thread : threads) thread.join();
}

std::vector<Writer> make_writers() {
  std::vector<Writer> writers;
  for (int i = 1; i <= kWriters; ++i) writers.emplace_back(i);
  return writers;
}

}  // namespace

TEST_CASE("transactions over all models survive kill -9 whole, from the log and from snapshots") {
  TestServer server({"snapshot.interval=0"});
  REQUIRE(server.connect().ask("CREATE TABLE t (id INT PRIMARY KEY, n INT)") == "OK");
  std::vector<Writer> writers = make_writers();
  const std::uint64_t kills = environment_number("KIMDB_KILLS", 3);
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    write_until_killed(writers, server);
    server.restart();
    for (Writer& writer : writers) writer.check(server);
    if (kill % 2 == 0) REQUIRE(server.connect().ask("SAVE") == "OK");
  }
  std::uint64_t committed = 0;
  for (const Writer& writer : writers) committed += writer.acknowledged();
  CHECK(committed > 0);
  MESSAGE(kills << " kills, " << committed << " transactions over all models");
}

TEST_CASE(
    "a slave has its master's transactions whole, and goes on with them where it is promoted") {
  const std::uint16_t port = free_port(), own_port = free_port();
  TestServer master(master_settings(port));
  std::vector<std::string> settings = slave_settings(port, own_port);
  settings.emplace_back("replication.ack=none");  // once it is promoted, it is alone
  TestServer slave(settings);
  REQUIRE(master.connect().ask("CREATE TABLE t (id INT PRIMARY KEY, n INT)") == "OK");
  REQUIRE(become_equal(master, slave));
  std::vector<Writer> writers = make_writers();
  write_until_killed(writers, master);
  TcpClient client = slave.connect();
  REQUIRE(becomes("OK", [&] { return client.ask("PROMOTE"); }));
  for (Writer& writer : writers) writer.check(slave);
  write_until_killed(writers, slave);
  slave
      .restart();  // as the slave that its settings make it: it shows what it knows to be committed
  client = slave.connect();
  REQUIRE(becomes("OK", [&] { return client.ask("PROMOTE FORCE"); }));
  for (Writer& writer : writers) writer.check(slave);
}

}  // namespace kimdb::support
