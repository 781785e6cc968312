// What was a connection's own, when the connection is lost: restored, or told, never left out.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "tests/client/fake_server.h"
#include "tests/support/test_server.h"

namespace kimdb::client {
namespace {

using std::chrono::milliseconds;
using Listener = FakeServer::Listener;
using Words = std::vector<std::string_view>;

// The server of the test, and a client of it whose connection can be cut.
struct Cut {
  support::TestServer server;
  Client client = [this] {
    auto made = Client::connect({.address = "127.0.0.1:" + std::to_string(server.port())});
    REQUIRE(made);
    return std::move(*made);
  }();

  void cut() {
    const auto id = client.server().connection_id;
    REQUIRE(server.connect().ask("KILL " + std::to_string(id)) == "OK");
    while (client.is_connected()) std::this_thread::yield();
  }
  std::string run(const Words& words) {
    auto reply = client.call(words);
    if (!reply) return "lost: " + reply.error().message;
    return reply->type == Value::Type::integer ? std::to_string(reply->integer) : reply->string;
  }
  std::string sql(std::string_view statement) { return run({"SQL", statement}); }
  bool is_lost(const Words& words) { return run(words).starts_with("lost: "); }
};

// With a table t (id INT PRIMARY KEY).
struct CutInTable : Cut {
  CutInTable() { REQUIRE(sql("CREATE TABLE t (id INT PRIMARY KEY)") == "OK"); }
  // The rows' ids, "1,2"; "" where there are none.
  std::string ids() {
    auto other = Client::connect({.address = "127.0.0.1:" + std::to_string(server.port())});
    REQUIRE(other);
    auto reply = other->call({"SQL", "SELECT coalesce(group_concat(id), '') AS ids FROM t"});
    REQUIRE(reply);
    return reply->elements.at(0).elements.at(1).string;
  }
};

TEST_CASE("a transaction of SQL that is lost becomes no single statements") {
  CutInTable on;
  CHECK(on.sql("BEGIN") == "OK");
  CHECK(on.client.in_transaction());
  CHECK(on.sql("INSERT INTO t VALUES (1)") == "1");
  on.cut();
  for (const char* statement : {"INSERT INTO t VALUES (2)", "SELECT * FROM t"}) {
    CHECK(on.is_lost({"SQL", statement}));
    CHECK(on.client.transaction_lost());
  }
  CHECK(on.is_lost({"SET", "k", "v"}));
  CHECK(on.sql("ROLLBACK") == "OK");
  CHECK_FALSE(on.client.transaction_lost());
  CHECK(on.ids() == "");
  CHECK(on.sql("INSERT INTO t VALUES (3)") == "1");
  CHECK(on.ids() == "3");
}

TEST_CASE("BEGIN begins a lost transaction again, and COMMIT ends it with an error") {
  CutInTable on;
  CHECK(on.sql("/* a */ begin transaction") == "OK");
  on.cut();
  CHECK(on.sql("-- again\nBEGIN") == "OK");
  CHECK(on.sql("INSERT INTO t VALUES (1)") == "1");
  CHECK(on.sql("COMMIT") == "OK");
  CHECK_FALSE(on.client.in_transaction());
  CHECK(on.ids() == "1");

  CHECK(on.sql("START TRANSACTION") == "OK");
  CHECK(on.sql("INSERT INTO t VALUES (2)") == "1");
  on.cut();
  CHECK(on.is_lost({"SQL", "COMMIT"}));
  CHECK(on.sql("INSERT INTO t VALUES (3)") == "1");
  CHECK(on.ids() == "1,3");
}

TEST_CASE("a transaction is over when COMMIT was refused for a conflict") {
  CutInTable on;
  CHECK(on.sql("INSERT INTO t VALUES (1)") == "1");
  CHECK(on.sql("BEGIN") == "OK");
  CHECK(on.sql("UPDATE t SET id = 5") == "1");
  CHECK(on.server.connect().ask("UPDATE t SET id = 7") == "1");
  CHECK(on.sql("COMMIT").find("conflict") != std::string::npos);
  CHECK_FALSE(on.client.in_transaction());
  on.cut();
  CHECK(on.sql("INSERT INTO t VALUES (2)") == "1");
}

TEST_CASE("MULTI that is lost is lost until DISCARD, EXEC or another MULTI") {
  for (const char* end : {"DISCARD", "EXEC", "MULTI"}) {
    Cut on;
    CHECK(on.run({"MULTI"}) == "OK");
    CHECK(on.run({"INCR", "a"}) == "QUEUED");
    on.cut();
    CHECK(on.is_lost({"INCR", "a"}));
    CHECK(on.is_lost({"INCR", "a"}));
    CHECK(on.is_lost({end}) == (std::string(end) == "EXEC"));
    if (std::string(end) == "MULTI") CHECK(on.run({"DISCARD"}) == "OK");
    CHECK(on.run({"INCR", "a"}) == "1");
  }
}

TEST_CASE("a pipeline ends at what a lost transaction refuses") {
  CutInTable on;
  CHECK(on.sql("BEGIN") == "OK");
  on.cut();
  std::vector<Value> replies;
  Pipeline commands;
  commands.add({"SQL", "ROLLBACK"}).add({"SET", "a", "1"});
  CHECK(on.client.run(commands, replies));
  CHECK(replies.size() == 2);

  CHECK(on.sql("BEGIN") == "OK");
  on.cut();
  replies.clear();
  commands.clear();
  commands.add({"SET", "a", "2"}).add({"SQL", "COMMIT"}).add({"SET", "a", "3"});
  CHECK_FALSE(on.client.run(commands, replies));
  CHECK(replies.empty());
  CHECK(on.run({"GET", "a"}) == "1");
}

TEST_CASE("without the WATCH that was lost neither MULTI nor EXEC is sent") {
  Cut on;
  CHECK(on.run({"WATCH", "k"}) == "OK");
  on.cut();
  CHECK(on.is_lost({"GET", "k"}));  // said once,
  CHECK(on.run({"GET", "k"}) == "");
  CHECK(on.is_lost({"MULTI"}));  // and again here
  CHECK(on.run({"SET", "k", "1"}) == "OK");

  CHECK(on.run({"WATCH", "k"}) == "OK");
  on.cut();
  CHECK(on.is_lost({"WATCH", "other"}));
  CHECK(on.run({"WATCH", "k"}) == "OK");  // the caller knows
  CHECK(on.run({"MULTI"}) == "OK");
  CHECK(on.run({"DISCARD"}) == "OK");

  CHECK(on.run({"WATCH", "k"}) == "OK");
  on.cut();
  CHECK_FALSE(on.client.transaction(Pipeline().add({"SET", "k", "2"})));
  CHECK(on.run({"GET", "k"}) == "1");
}

TEST_CASE("keyspace and name come back, also those that were chosen inside MULTI") {
  Cut on;
  CHECK(on.run({"CLIENT", "SETNAME", "kim"}) == "OK");
  CHECK(on.run({"MULTI"}) == "OK");
  CHECK(on.run({"PING"}) == "QUEUED");
  CHECK(on.run({"SELECT", "3"}) == "QUEUED");
  REQUIRE(on.client.call({"EXEC"}));
  CHECK(on.client.keyspace() == 3);
  on.cut();
  CHECK(on.run({"SET", "a", "1"}) == "OK");
  CHECK(on.run({"CLIENT", "GETNAME"}) == "kim");
  CHECK(on.run({"SELECT", "3"}) == "OK");
  CHECK(on.run({"GET", "a"}) == "1");
}

TEST_CASE("DOC WATCH goes on over a new connection, and what is there is told") {
  Cut on;
  REQUIRE(on.client.call({"DOC", "PUT", "c", "1", R"({"n":1})"}));
  auto first = on.client.call({"DOC", "WATCH", "c", R"({"n":{"$gt":0}})"});
  REQUIRE(first);
  CHECK(first->elements.size() == 1);
  CHECK(on.client.has_subscriptions());
  on.cut();
  auto told = on.client.next_event(milliseconds(10'000));
  REQUIRE(told);
  REQUIRE(told->has_value());
  CHECK((*told)->kind == Event::Kind::resubscribed);
  CHECK((*told)->channel == "c");
  CHECK((*told)->value.elements.size() == 1);
  CHECK(on.server.connect().ask("DOC PUT c 2 {\"n\":2}").find('2') != std::string::npos);
  auto change = on.client.next_event(milliseconds(10'000));
  REQUIRE(change);
  REQUIRE(change->has_value());
  CHECK((*change)->value.elements.at(0).string == "change");
  CHECK((*change)->value.elements.at(3).string == "2");
  CHECK(on.client.end_events());
  CHECK_FALSE(on.client.has_subscriptions());
  CHECK(on.client.is_connected());
}

TEST_CASE("POSITION, WAIT and last_insert_rowid() say once that they know one connection alone") {
  CutInTable on;
  on.cut();
  CHECK(on.is_lost({"POSITION"}));
  CHECK(on.run({"POSITION"}).starts_with("1-"));
  CHECK(on.is_lost({"SQL", "SELECT last_insert_rowid() AS id"}));
  CHECK_FALSE(on.is_lost({"SQL", "SELECT last_insert_rowid() AS id"}));
  on.cut();
  CHECK(on.is_lost({"WAIT", "0", "1"}));
  CHECK(on.run({"WAIT", "0", "1"}) == "0");
}

TEST_CASE("SHUTDOWN is answered by the end of the connection") {
  Cut on;
  CHECK(on.run({"SHUTDOWN"}) == "OK");
  CHECK_FALSE(on.client.is_connected());
}

TEST_CASE("what would leave a client without replies is refused") {
  Cut on;
  CHECK(on.is_lost({"CLIENT", "REPLY", "OFF"}));
  CHECK(on.is_lost({"HELLO", "2"}));
  CHECK(on.run({"CLIENT", "REPLY", "ON"}) == "OK");
  CHECK(on.run({"PING"}) == "PONG");
}

TEST_CASE("a statement that reads is sent again, one inside a transaction or that writes is not") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"SQL", "SELECT 1 AS a"});
    }
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"SQL", "SELECT 1 AS a"});
      connection.send(":1\r\n");
      connection.expect({"SQL", "DELETE FROM t"});
    }
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"SQL", "BEGIN"});
      connection.send("+OK\r\n");
      connection.expect({"SQL", "SELECT 1 AS a"});
    }
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"SQL", "BEGIN"});
    connection.send("+OK\r\n");
    connection.expect({"SQL", "COMMIT"});
  });
  auto client = Client::connect({.address = server.address()});
  REQUIRE(client);
  auto read = client->call({"SQL", "SELECT 1 AS a"});
  REQUIRE(read);
  CHECK(read->integer == 1);
  auto written = client->call({"SQL", "DELETE FROM t"});
  REQUIRE(!written);
  CHECK(written.error().code == ErrorCode::io_error);
  REQUIRE(client->call({"SQL", "BEGIN"}));
  CHECK_FALSE(client->call({"SQL", "SELECT 1 AS a"}));
  REQUIRE(client->call({"SQL", "BEGIN"}));
  // Whether it was done is unknown; that it is over is not.
  auto committed = client->call({"SQL", "COMMIT"});
  REQUIRE(!committed);
  CHECK(committed.error().message.find("unknown") != std::string::npos);
  CHECK_FALSE(client->transaction_lost());
  CHECK(server.failure() == "");
}

TEST_CASE("ROLLBACK whose answer is lost has rolled back") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"SQL", "BEGIN"});
    connection.send("+OK\r\n");
    connection.expect({"SQL", "ROLLBACK"});
  });
  auto client = Client::connect({.address = server.address()});
  REQUIRE(client);
  REQUIRE(client->call({"SQL", "BEGIN"}));
  auto ended = client->call({"SQL", "ROLLBACK"});
  REQUIRE(ended);
  CHECK(ended->string == "OK");
  CHECK_FALSE(client->transaction_lost());
  CHECK(server.failure() == "");
}

}  // namespace
}  // namespace kimdb::client
