// Master and slave as real processes.
//
// KIMDB_FAILOVERS says how often the master is killed and the slave promoted (tools/proof.sh: 20).
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "tests/server/ledger_writers.h"
#include "tests/server/master_and_slave.h"
#include "tests/support/certificates.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> with(std::vector<std::string> settings, std::string more) {
  settings.push_back(std::move(more));
  return settings;
}

// A master whose log begins behind what it had before: `records` values of 1,000 bytes, each with
// the round in it.
std::vector<std::string> forgetful_master_settings(std::uint16_t port) {
  return {"replication.enabled=true",        "replication.listen=" + at(port),
          "replication.sync_interval=100ms", "replication.max_wal_keep=0",
          "replication.on_timeout=degrade",  "replication.timeout=50ms"};
}

void write_round(const TestServer& master, int round, int records) {
  TcpClient client = master.connect(60s);
  const std::string value = "round " + std::to_string(round) + std::string(1000, '.');
  std::string lines;
  for (int i = 0; i < records; ++i) lines += "SET key" + std::to_string(i) + " \"" + value + "\"\n";
  lines += "SET round " + std::to_string(round) + "\n";
  std::jthread sender([&] { client.send(lines); });
  for (int i = 0; i <= records; ++i) REQUIRE(client.receive_line() == "OK");
}

// The slave shows the round, and so it will after a restart without its master: a later frame says
// that the round is committed.
void expect_round(const TestServer& master, const TestServer& slave, int round) {
  CHECK(becomes(std::to_string(round), [&] { return slave.connect().ask("GET round"); }));
  REQUIRE(master.connect(60s).ask("SET settled " + std::to_string(round)) == "OK");
  CHECK(becomes(std::to_string(round), [&] { return slave.connect().ask("GET settled"); }));
}

void forget_log(const TestServer& master) {
  TcpClient client = master.connect(60s);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(client.ask("SET snapshot " + std::to_string(i)) == "OK");
    REQUIRE(client.ask("SAVE") == "OK");
  }
}

bool said(const TestServer& server, const std::string& text) {
  return server.output().find(text) != std::string::npos;
}

struct Pair {
  std::uint16_t master_port = free_port();
  std::uint16_t slave_port = free_port();
  TestServer master{master_settings(master_port)};
  TestServer slave{slave_settings(master_port, slave_port)};
};

}  // namespace

TEST_CASE("a slave shows what its master was told, and takes no writes") {
  Pair pair;
  TcpClient master = pair.master.connect(60s);
  TcpClient slave = pair.slave.connect();
  CHECK(master.ask("SET a 1") == "OK");
  CHECK(master.ask("WAIT 1 60000") == "1");
  CHECK(becomes("1", [&] { return slave.ask("GET a"); }));
  CHECK(slave.ask("SET a 2") == "ERROR: write operations not allowed on slave replica (master " +
                                    at(pair.master_port) + ")");
  CHECK(slave.call({"DEL", "a"}).raw ==
        "-READONLY You can't write against a read only replica.\r\n");
  CHECK(slave.ask("MULTI") == "OK");
  CHECK(slave.ask("INCR a").starts_with("ERROR: write operations"));
  CHECK(slave.ask("EXEC").starts_with("ERROR: EXECABORT"));
  CHECK(master.ask("MULTI\nSET b 1\nDEL a\nEXEC") == "OK");
  for (int i = 0; i < 5; ++i) master.receive_line();
  CHECK(becomes("0", [&] { return slave.ask("EXISTS a"); }));
  CHECK(slave.ask("GET b") == "1");
  CHECK(slave.call({"ROLE"}).elements[0].text == "slave");
  CHECK(slave.ask("HANDSHAKE").ends_with("|slave"));
  CHECK(master.ask("HANDSHAKE").ends_with("|master"));
  CHECK(master.call({"ROLE"}).elements[2].elements.size() == 1);
}

TEST_CASE("without its quorum a master blocks, or degrades when it is told to") {
  const std::uint16_t port = free_port();
  TestServer master(with(master_settings(port), "replication.on_timeout=block"));
  TcpClient client = master.connect(300ms);
  CHECK_THROWS_AS(client.ask("SET a 1"), TcpError);
  CHECK(master.connect().ask("PING") == "PONG");
  CHECK_THROWS_AS(master.connect(300ms).ask("GET a"), TcpError);  // nor is it shown

  CHECK(master.stop() == 0);
  master.restart();

  TestServer slave(slave_settings(port, free_port()));
  CHECK(master.connect(60s).ask("GET a") == "1");
  slave.kill();

  master.kill();
  master.set(with(master_settings(port), "replication.on_timeout=degrade"));
  master.restart();
  CHECK(master.connect().ask("SET b 1") == "OK");
  slave.restart();
  CHECK(become_equal(master, slave));
  CHECK(becomes("1", [&] { return slave.connect().ask("GET b"); }));
}

TEST_CASE("what is published comes behind a reply that is held, its explanation included") {
  const std::uint16_t port = free_port();
  TestServer master(with(master_settings(port), "replication.on_timeout=block"));
  TcpClient client = master.connect(60s);
  CHECK(client.ask("SUBSCRIBE news") == "> subscribe news 1");
  client.send("EXPLAINED SET a 1\n");
  CHECK(becomes("1", [&] { return master.connect().ask("PUBLISH news x"); }));
  std::this_thread::sleep_for(50ms);
  CHECK(client.receive_available() == "");
  TestServer slave(slave_settings(port, free_port()));
  CHECK(client.receive_line() == "*2");
  CHECK(client.receive_line() == "OK");
  std::vector<std::string> lines{client.receive_line()};
  while (!lines.back().starts_with(">")) lines.push_back(client.receive_line());
  CHECK(lines.back() == "> message news x");
  CHECK(lines.size() > 6);
}

TEST_CASE(
    "on_timeout: fail answers what waits by errors, and refuses writes until the quorum is back") {
  const std::uint16_t port = free_port();
  TestServer master(with(master_settings(port), "replication.timeout=300ms"));
  TestServer slave(slave_settings(port, free_port()));
  TcpClient client = master.connect(60s);
  CHECK(client.ask("SET old 1") == "OK");
  slave.kill();
  const std::string unknown =
      "ERROR: REPL_TIMEOUT the replicas did not acknowledge in time, outcome unknown";
  const std::string refused = "ERROR: NOREPLICAS Not enough good replicas to write.";
  // Each reply that shows what is in doubt is an error, in its form and place; the others are not.
  TcpClient resp = master.connect(60s);
  resp.send("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$3\r\nold\r\n");
  TcpClient explained = master.connect(60s);
  explained.send("SET d 1\nEXPLAINED GET old\nPING\n");
  client.send("#7 SET a 1\nSET a 2\nGET old\nGET a\nPING\nEXPLAINED GET a\nPING\n");
  CHECK(client.receive_line() == "#7 " + unknown);
  CHECK(client.receive_line() == unknown);
  CHECK(client.receive_line() == "1");
  CHECK(client.receive_line() == unknown);
  CHECK(client.receive_line() == "PONG");
  CHECK(client.receive_line() == unknown);
  CHECK(client.receive_line() == "PONG");
  CHECK(resp.receive_reply().raw ==
        "-REPL_TIMEOUT the replicas did not acknowledge in time, outcome unknown\r\n");
  CHECK(resp.receive_reply().text == "1");
  CHECK(explained.receive_line() == unknown);
  CHECK(explained.receive_line() == "*2");
  CHECK(explained.receive_line() == "1");
  std::vector<std::string> explanation{explained.receive_line()};
  while (explanation.back() != "PONG") explanation.push_back(explained.receive_line());
  CHECK(explanation.size() > 3);
  CHECK(client.ask("SET c 1") == refused);
  CHECK(client.ask("GET a") == unknown);
  CHECK(client.ask("GET old") == "1");
  CHECK(client.ask("EXISTS c") == "0");
  CHECK(client.ask("ACK synced GET a") == "2");  // what this disk has
  CHECK(client.call({"INFO", "replication"}).raw.find("quorum_missing:1") != std::string::npos);

  slave.restart();
  CHECK(becomes("2", [&] { return client.ask("GET a"); }));
  CHECK(client.ask("SET c 1") == "OK");
  CHECK(become_equal(master, slave));
}

TEST_CASE("with ack: applied an answer means that the slave shows it") {
  const std::uint16_t port = free_port();
  TestServer master(with(master_settings(port), "replication.ack=applied"));
  TestServer slave(slave_settings(port, free_port()));
  TcpClient client = master.connect(60s);
  TcpClient reader = slave.connect();
  for (int i = 0; i < 200; ++i) {
    REQUIRE(client.ask("SET a " + std::to_string(i)) == "OK");
    REQUIRE(reader.ask("GET a") == std::to_string(i));
  }
}

TEST_CASE("who names the position of his write reads it on any server") {
  Pair pair;
  TcpClient master = pair.master.connect(60s);
  TcpClient slave = pair.slave.connect(60s);
  std::string position;
  for (int i = 0; i < 200; ++i) {
    REQUIRE(master.ask("SET a " + std::to_string(i)) == "OK");
    position = master.ask("POSITION");
    REQUIRE(slave.ask("AFTER " + position + " GET a") == std::to_string(i));
  }
  CHECK(slave.ask("WAITLSN " + position + " 60000") == "1");
  CHECK(slave.ask("POSITION") == position);
  CHECK(slave.ask("WAITLSN 1-999999 20") == "0");
  CHECK(slave.ask("WAITLSN 0-5 20").starts_with("ERROR: UNKNOWNPOSITION"));
  CHECK(slave.ask("AFTER 0-5 GET a").starts_with("ERROR: UNKNOWNPOSITION"));
  CHECK(slave.ask("AFTER 5 GET a").starts_with("ERROR: a position is"));
  CHECK(master.ask("AFTER " + position + " WAIT 1 10") == "ERROR: AFTER does not go before 'wait'");
  CHECK(slave.ask("#9 AFTER 1-999999 GET a").starts_with("#9 ERROR: TIMEOUT"));
  CHECK(master.ask("AFTER " + position + " GET a") == "199");
  // Those who wait keep no worker busy, and are let go when their client is.
  std::vector<TcpClient> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(pair.slave.connect());
    waiting.back().send("AFTER 2-999999 GET a\n");
    waiting.push_back(pair.master.connect());
    waiting.back().send("WAIT 7 0\n");
  }
  CHECK(slave.ask("SAVE") == "OK");
  CHECK(master.ask("SAVE") == "OK");
  waiting.clear();
  for (TcpClient* client : {&master, &slave})
    CHECK(becomes("alone", [&] {
      return client->call({"INFO", "clients"}).raw.find("connected_clients:1\r\n") ==
                     std::string::npos
                 ? "with others"
                 : "alone";
    }));
}

TEST_CASE("ACK replica waits for the quorum although the master has degraded") {
  const std::uint16_t port = free_port();
  TestServer master(with(with(master_settings(port), "replication.on_timeout=degrade"),
                         "replication.timeout=100ms"));
  TcpClient client = master.connect(60s);
  CHECK(client.ask("SET a 1") == "OK");
  CHECK(client.ask("ACK replica SET a 2").starts_with("ERROR: REPL_TIMEOUT"));
  CHECK(client.ask("ACK replica GET a").starts_with("ERROR: REPL_TIMEOUT"));
  CHECK(client.ask("GET a") == "2");
  TestServer slave(slave_settings(port, free_port()));
  CHECK(becomes("2", [&] { return client.ask("ACK replica GET a"); }));
  CHECK(client.ask("ACK replica SET a 3") == "OK");
  CHECK(becomes("3", [&] { return slave.connect().ask("GET a"); }));
  CHECK(slave.connect().ask("ACK replica GET a").starts_with("ERROR: ACK replica needs a master"));
}

std::string replicaof(std::uint16_t port) { return "REPLICAOF 127.0.0.1 " + std::to_string(port); }

TEST_CASE(
    "REPLICAOF and PROMOTE change sides without a restart, and nothing acknowledged is lost") {
  Pair pair;
  const std::uint64_t seed = test_seed("changes of sides under writers");
  Writers writers = make_writers(seed);
  TestServer* master = &pair.master;
  TestServer* slave = &pair.slave;
  std::uint16_t slave_port = pair.slave_port, master_port = pair.master_port;
  for (int round = 0; round < 4; ++round) {
    REQUIRE(master->connect(60s).ask("WAIT 1 60000") == "1");
    {
      const std::vector<std::jthread> threads = start_writing(writers, master->port());
      std::this_thread::sleep_for(150ms);
      // From here on its writes are refused; its writers see that as the end of the server.
      REQUIRE(master->connect(60s).ask(replicaof(slave_port)) == "OK");
    }
    CHECK(master->connect().call({"ROLE"}).elements[0].text == "slave");
    CHECK(master->connect().ask("SET a 1").find("write operations not allowed") !=
          std::string::npos);
    REQUIRE(becomes("OK", [&] { return slave->connect().ask("PROMOTE"); }));
    std::swap(master, slave);
    std::swap(master_port, slave_port);
    verify_all(*master, writers);
    REQUIRE(become_equal(*master, *slave));
  }
}

TEST_CASE("a master that becomes a slave takes back what was never committed") {
  const std::uint16_t port = free_port(), new_port = free_port();
  TestServer old(with(with(master_settings(port), "replication.timeout=500ms"),
                      "replication.on_timeout=block"));
  TestServer slave(slave_settings(port, new_port));
  TcpClient client = old.connect(60s);
  for (int i = 0; i < 100; ++i) REQUIRE(client.ask("SET k" + std::to_string(i) + " old") == "OK");
  REQUIRE(client.ask("SAVE") == "OK");
  REQUIRE(client.ask("SET k0 committed") == "OK");
  slave.kill();
  TcpClient uncertain = old.connect(60s), reader = old.connect(60s);
  uncertain.send("SET k1 never\nDEL k2\nSET new never\n");
  std::this_thread::sleep_for(50ms);
  reader.send("GET k1\n");
  std::this_thread::sleep_for(50ms);
  // It is cut off from its slave, which is promoted meanwhile.
  const std::string answer = old.connect(60s).ask(replicaof(new_port));
  CHECK(answer == "OK");
  for (int i = 0; i < 3; ++i)
    CHECK(uncertain.receive_line().find("outcome unknown") != std::string::npos);
  CHECK(reader.receive_line().find("outcome unknown") != std::string::npos);
  CHECK(client.ask("GET k1") == "old");
  CHECK(client.ask("GET k2") == "old");
  CHECK(client.ask("GET new") == "ERROR: key not found");
  CHECK(client.ask("GET k0") == "committed");
  slave.set(with(master_settings(new_port), "replication.on_timeout=block"));
  slave.restart();
  // As a master of a later term it does not hold what the old one has not committed.
  CHECK(slave.connect(60s).ask("SET k1 new") == "OK");
  CHECK(becomes("new", [&] { return client.ask("GET k1"); }));
  CHECK(become_equal(old, slave));
  CHECK(slave.connect(60s).ask("SET k3 new") == "OK");
  CHECK(becomes("new", [&] { return client.ask("GET k3"); }));
}

TEST_CASE(
    "slaves have slaves, which get what is committed, and follow when the one above changes") {
  const std::uint16_t port = free_port(), middle_port = free_port(), last_port = free_port();
  TestServer master(master_settings(port));
  TestServer middle(slave_settings(port, middle_port));
  TestServer last(slave_settings(middle_port, last_port));
  TcpClient client = master.connect(60s);
  REQUIRE(client.ask("SET a 1") == "OK");
  CHECK(becomes("1", [&] { return last.connect().ask("GET a"); }));
  CHECK(last.connect().ask("SET a 2").ends_with("(master " + at(middle_port) + ")"));
  CHECK(middle.connect().call({"INFO", "replication"}).raw.find("connected_slaves:1") !=
        std::string::npos);
  CHECK(client.call({"ROLE"}).elements[2].elements.size() == 1);
  // A new term of the master reaches the last one.
  master.kill();
  master.restart();
  REQUIRE(master.connect(60s).ask("SET a 2") == "OK");
  CHECK(becomes("2", [&] { return last.connect().ask("GET a"); }));
  // So does what the one in the middle gets as a copy.
  middle.kill();
  master.set(forgetful_master_settings(port));
  master.kill();
  master.restart();
  write_round(master, 1, 10'000);
  forget_log(master);
  middle.set(with(slave_settings(port, middle_port), "replication.max_wal_keep=0"));
  middle.restart();
  CHECK(becomes("1", [&] { return last.connect().ask("GET round"); }));
  CHECK(become_equal(master, last));
  // It can be told to follow the master itself, and the other way round.
  CHECK(last.connect(60s).ask(replicaof(port)) == "OK");
  REQUIRE(master.connect(60s).ask("SET a 3") == "OK");
  CHECK(becomes("3", [&] { return last.connect().ask("GET a"); }));
  CHECK(becomes("2", [&] {
    return std::to_string(master.connect().call({"ROLE"}).elements[2].elements.size());
  }));
}

TEST_CASE("REPLICAOF is told what is wrong") {
  Pair pair;
  TcpClient slave = pair.slave.connect(60s);
  CHECK(slave.ask("REPLICAOF a").starts_with("ERROR: wrong number"));
  CHECK(slave.ask("REPLICAOF 127.0.0.1 x").starts_with("ERROR: "));
  CHECK(pair.master.connect(60s).ask("SET a 1") == "OK");
  CHECK(slave.ask("REPLICAOF NO ONE").find("answers: stop it first") != std::string::npos);
  CHECK(slave.ask(replicaof(pair.master_port)) == "OK");  // it does so already
  TestServer single;
  CHECK(single.connect().ask(replicaof(1)).starts_with("ERROR: "));
  // A numbered EXEC leaves a record: not on a slave.
  CHECK(slave.ask("MULTI") == "OK");
  CHECK(slave.ask("GET a") == "QUEUED");
  CHECK(slave.ask("ID c 1 EXEC").find("write operations not allowed") != std::string::npos);
}

TEST_CASE("with TLS both sides prove who they are, and who cannot is told why") {
  Certificates ours, theirs;
  const std::string node = ours.issue("replicator");
  const auto tls = [](std::vector<std::string> settings, const std::string& ca,
                      const std::string& certificate) {
    settings.push_back("replication.tls_ca=" + ca);
    settings.push_back("replication.tls_cert=" + certificate);
    settings.push_back("replication.tls_key=" + Certificates::key_of(certificate));
    return settings;
  };
  const std::uint16_t port = free_port();
  TestServer master(tls(master_settings(port), ours.ca(), node));
  const std::uint16_t slave_port = free_port();
  {
    TestServer slave(tls(slave_settings(port, slave_port), ours.ca(), node));
    REQUIRE(master.connect(60s).ask("SET a 1") == "OK");
    CHECK(becomes("1", [&] { return slave.connect().ask("GET a"); }));
    CHECK(become_equal(master, slave));
  }
  const auto refused = [&](std::vector<std::string> settings, const std::string& said_by_slave,
                           const std::string& said_by_master) {
    TestServer slave(std::move(settings));
    CHECK_MESSAGE(becomes("said", [&] { return said(slave, said_by_slave) ? "said" : "not yet"; }),
                  said_by_slave);
    CHECK_MESSAGE(
        becomes("said", [&] { return said(master, said_by_master) ? "said" : "not yet"; }),
        said_by_master);
  };
  const std::vector<std::string> settings = slave_settings(port, slave_port);
  refused(settings, "the master asks for TLS", "it does not use TLS");
  refused(tls(settings, ours.ca(), ours.issue("somebody")),
          "its certificate is of 'somebody', not of replication.user 'replicator'",
          "its certificate is of 'somebody', not of replication.user 'replicator'");
  const std::string foreign = theirs.issue("replicator");
  refused(tls(settings, theirs.ca(), foreign), "no TLS with the other side",
          "no TLS with the other side");
  refused(tls(settings, ours.ca(), foreign), "replication: master", "no TLS with the other side");
  // A master without TLS does not get a slave's data either.
  master.kill();
  master.set(with(master_settings(port), "replication.on_timeout=degrade"));
  master.restart();
  refused(tls(settings, ours.ca(), node), "does the master use TLS",
          "it does not speak kimdb's replication");
}

TEST_CASE("of two slaves the one that has less is not promoted while the other one answers") {
  const std::uint16_t port = free_port(), full_port = free_port(), less_port = free_port();
  TestServer master(master_settings(port));
  TestServer full(slave_settings(port, full_port)), less(slave_settings(port, less_port));
  REQUIRE(master.connect(60s).ask("WAIT 2 60000") == "2");
  write_round(master, 1, 10);
  expect_round(master, less, 1);
  // It stands still while the master writes more than waits for it in the kernel, and is gone when
  // it wakes.
  ::kill(less.pid(), SIGSTOP);
  write_round(master, 2, 20'000);
  master.kill();
  ::kill(less.pid(), SIGCONT);
  std::string answer;
  CHECK(becomes("refused", [&] {
    answer = less.connect().ask("PROMOTE");
    return answer.find("has a newer log") == std::string::npos ? answer : "refused";
  }));
  CHECK(answer.find(at(full_port)) != std::string::npos);
  CHECK(full.connect().ask("PROMOTE") == "OK");
  CHECK(less.connect(60s).ask(replicaof(full_port)) == "OK");
  CHECK(full.connect(60s).ask("GET round") == "2");
  CHECK(becomes("2", [&] { return less.connect().ask("GET round"); }));
}

TEST_CASE("ROLE and INFO of a slave tell how far its log is, which is what may be acknowledged") {
  const std::uint16_t port = free_port();
  TestServer master(with(master_settings(port), "replication.quorum=2"));
  TestServer slave(slave_settings(port, free_port()));
  TcpClient client = master.connect();
  client.send("SET a 1\n");  // not committed: a second slave is missing
  TcpClient asking = slave.connect();
  CHECK(becomes(":2\r\n", [&] { return asking.call({"ROLE"}).elements[4].raw; }));
  CHECK(asking.ask("EXISTS a") == "0");
  const std::string info = asking.call({"INFO", "replication"}).raw;
  CHECK(info.find("log_last_term:1\r\nlog_last_lsn:2\r\n") != std::string::npos);
  CHECK(info.find("slave_repl_offset:2") == std::string::npos);  // that is what is applied
}

TEST_CASE("master and slave are killed and come back, and both go on") {
  Pair pair;
  for (int round = 0; round < 3; ++round) {
    const std::string key = "k" + std::to_string(round);
    CHECK(pair.master.connect(60s).ask("SET " + key + " 1") == "OK");
    pair.slave.kill();
    pair.slave.restart();
    CHECK(pair.master.connect(60s).ask("SET " + key + " 2") == "OK");
    pair.master.kill();
    pair.master.restart();
    CHECK(becomes("2", [&] { return pair.slave.connect().ask("GET " + key); }));
  }
  CHECK(become_equal(pair.master, pair.slave));
}

TEST_CASE("what cannot be a master, or a slave, is told why") {
  TestServer single;
  TestServer lost(slave_settings(single.port(), free_port()));
  CHECK(becomes("said", [&] {
    return lost.output().find("replication.listen, not its network.address") == std::string::npos
               ? "not yet"
               : "said";
  }));
  CHECK(lost.connect().ask("PROMOTE").find("has no data") != std::string::npos);

  const std::uint16_t port = free_port();
  TestServer master(with(master_settings(port), "replication.on_timeout=degrade"));
  CHECK(master.connect().ask("PROMOTE").find("a master already") != std::string::npos);
  CHECK(single.connect().ask("PROMOTE").starts_with("ERROR: "));
  CHECK(single.stop() == 0);
  single.set(slave_settings(port, free_port()));
  single.restart();
  CHECK(becomes("said", [&] {
    return single.output().find("belongs to another cluster") == std::string::npos ? "not yet"
                                                                                   : "said";
  }));
}

TEST_CASE(
    "a slave behind which the log was removed is sent a copy, and shows its old data until then") {
  const std::uint16_t port = free_port();
  TestServer master(forgetful_master_settings(port));
  TestServer slave(slave_settings(port, free_port()));
  write_round(master, 1, 20'000);
  expect_round(master, slave, 1);
  slave.kill();
  write_round(master, 2, 20'000);
  forget_log(master);
  slave.restart();
  int old_seen = 0;
  {
    TcpClient reader = slave.connect();
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    for (std::string round = "1"; round != "2";) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      round = reader.ask("GET round");
      CAPTURE(round);
      REQUIRE((round == "1" || round == "2"));
      const std::string value = reader.ask("GET key19999");
      // Between the two the new state may come, never the old one again.
      REQUIRE((value.starts_with("round " + round) || value.starts_with("round 2")));
      old_seen += round == "1";
    }
  }
  CHECK(old_seen > 0);
  CHECK(become_equal(master, slave));
  CHECK(said(master, "is sent the snapshot at LSN"));
  CHECK(said(slave, "the copy of the master's data at LSN"));
  // It goes on by the log, here and after a restart.
  CHECK(master.connect(60s).ask("SET round 3") == "OK");
  CHECK(becomes("3", [&] { return slave.connect().ask("GET round"); }));
  slave.kill();
  slave.restart();
  CHECK(slave.connect().ask("GET key19999").starts_with("round 2"));
  CHECK(become_equal(master, slave));
  // And it can take over.
  master.kill();
  CHECK(becomes("OK", [&] { return slave.connect().ask("PROMOTE"); }));
  CHECK(slave.connect(60s).ask("GET round") == "3");
}

TEST_CASE("a slave that is killed at random moments of a copy ends equal to its master") {
  SeededRandom random(test_seed("kills in a copy"));
  const std::uint64_t kills = environment_number("KIMDB_COPY_KILLS", 10);
  const std::uint16_t port = free_port();
  TestServer master(forgetful_master_settings(port));
  write_round(master, 1, 1000);
  TestServer slave(slave_settings(port, free_port()));
  expect_round(master, slave, 1);
  int round = 1, old_found = 0, new_found = 0;
  for (std::uint64_t i = 0; i < kills; ++i) {
    if (slave.connect().ask("GET round") == std::to_string(round)) {  // a new copy is needed
      slave.kill();
      write_round(master, ++round, 30'000);
      forget_log(master);
      slave.restart();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(150)));
    slave.kill();
    slave.restart();
    const std::string found = slave.connect().ask("GET round");
    CAPTURE(found);
    CAPTURE(round);
    REQUIRE((found == std::to_string(round) || found == std::to_string(round - 1)));
    REQUIRE(slave.connect().ask("GET key999").starts_with("round " + found));
    ++(found == std::to_string(round) ? new_found : old_found);
  }
  CHECK(become_equal(master, slave));
  CHECK(slave.connect().ask("GET round") == std::to_string(round));
  std::printf("%llu kills in copies: %d times the old data was there, %d times the new\n",
              static_cast<unsigned long long>(kills), old_found, new_found);
}

TEST_CASE("strangers on the replication port are sent away, and harm nobody") {
  Pair pair;
  const std::string preamble = "KIMDB-REPLICATION\r\n";
  const auto answer_to = [&](const std::string& bytes) {
    TcpClient stranger(pair.master_port, 30s);
    stranger.send(bytes);
    return stranger.receive_until_close();
  };
  CHECK(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n").empty());
  CHECK(answer_to(preamble + std::string("\xff\xff\xff\x7f\x04", 5)).empty());  // a frame of 2 GB
  CHECK(answer_to(preamble + std::string("\x01\x00\x00\x00\x01", 5)).empty());  // an empty hello
  CHECK(answer_to("").empty());                                                 // silence
  CHECK(pair.master.connect(60s).ask("SET a 1") == "OK");
  CHECK(pair.master.resident_bytes() < 500u << 20);
}

TEST_CASE("kill -9 of the master under 32 writers, then PROMOTE: nothing acknowledged is missing") {
  const std::uint64_t seed = test_seed("failovers under 32 writers");
  SeededRandom random(seed);
  const std::uint64_t failovers = environment_number("KIMDB_FAILOVERS", 3);
  Pair pair;
  TestServer* master = &pair.master;
  TestServer* slave = &pair.slave;
  Writers writers = make_writers(seed);
  for (std::uint64_t i = 0; i < failovers; ++i) {
    REQUIRE(master->connect(60s).ask("WAIT 1 60000") == "1");
    {
      const std::vector<std::jthread> threads = start_writing(writers, master->port());
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + random.below(300)));
      master->kill();
    }
    REQUIRE(becomes("OK", [&] { return slave->connect().ask("PROMOTE"); }));
    std::swap(master, slave);
    std::swap(pair.master_port, pair.slave_port);
    slave->set(slave_settings(pair.master_port, pair.slave_port));
    slave->restart();
    verify_all(*master, writers);
    REQUIRE(become_equal(*master, *slave));
  }
  const std::uint64_t acknowledged = acknowledged_by(writers);
  std::printf("%llu failovers, %llu answers checked\n", static_cast<unsigned long long>(failovers),
              static_cast<unsigned long long>(acknowledged));
  CHECK(acknowledged > failovers * kWriters);
}

}  // namespace kimdb::support
