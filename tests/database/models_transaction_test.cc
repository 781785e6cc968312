// BEGIN … COMMIT over tables, documents and keys: one record or nothing, each command sees those
// before it, conflicts are told at COMMIT.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "tests/database/sql_replies.h"
#include "tests/support/simulated_filesystem.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {
namespace {

using support::CrashStates;
using support::SimulatedFilesystem;
using support::TestDb;
using support::TestSession;

constexpr const char* kConflict = "ERROR: write conflict, retry the transaction";

void make_table(TestDb& db) {
  REQUIRE(db.run("CREATE TABLE t (id INT PRIMARY KEY, n INT)") == "OK");
  REQUIRE(db.run("INSERT INTO t VALUES (1, 10), (2, 20)") == "2");
}

}  // namespace

TEST_CASE("a transaction over rows, documents and keys is one record, or nothing") {
  TestDb db;
  make_table(db);
  TestSession other(db.database(), 2);
  const Lsn before = db.database().log().last_lsn();
  CHECK(db.run("BEGIN") == "OK");
  CHECK(db.run("SET k 1") == "OK");
  CHECK(db.run("INCRBY k 4") == "5");
  CHECK(db.run("DOC PUT users u1 {\"name\": \"Kim\"}") == "*2\nu1\n1");
  CHECK(db.run("UPDATE t SET n = n + 1 WHERE id = 1") == "1");
  CHECK(other.run("GET k") == "ERROR: key not found");
  CHECK(other.run("DOC GET users u1") == "(nil)");
  CHECK(other.run("SELECT n FROM t WHERE id = 1") == "*2\nn\n10");
  CHECK(db.run("COMMIT") == "OK");
  CHECK(db.database().log().last_lsn() == before + 1);
  CHECK(other.run("GET k") == "5");
  CHECK(has(other.run("DOC GET users u1"), "Kim"));
  CHECK(other.run("SELECT n FROM t WHERE id = 1") == "*2\nn\n11");

  db.run("BEGIN");
  db.run("DEL k");
  db.run("DOC DEL users u1");
  db.run("DELETE FROM t");
  CHECK(db.run("GET k") == "ERROR: key not found");
  CHECK(db.run("ROLLBACK") == "OK");
  CHECK(db.run("GET k") == "5");
  CHECK(has(db.run("DOC GET users u1"), "Kim"));
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n2");
  CHECK(db.database().log().last_lsn() == before + 1);
}

TEST_CASE("in a transaction every command on keys sees those before it, and the state at BEGIN") {
  TestDb db;
  db.run("MSET a 1 b 2 gone x");
  db.run("SET short-lived v PX 5000");
  TestSession other(db.database(), 2);
  db.run("BEGIN");
  other.run("SET b 20");
  other.run("SET c 30");
  CHECK(db.run("MGET a b c") == "*3\n1\n2\n(nil)");
  CHECK(db.run("APPEND a 23") == "3");
  CHECK(db.run("SETRANGE a 5 x") == "6");
  CHECK(db.run("GET a") == "\"123\\x00\\x00x\"");
  CHECK(db.run("STRLEN a") == "6");
  CHECK(db.run("RENAME gone here") == "OK");
  CHECK(db.run("EXISTS gone here") == "1");
  CHECK(db.run("COPY here there") == "1");
  CHECK(db.run("EXPIRE there 100") == "1");
  CHECK(db.run("TTL there") == "100");
  CHECK(db.run("PERSIST there") == "1");
  CHECK(db.run("GETDEL here") == "x");
  CHECK(db.run("SET n 1 NX") == "OK");
  CHECK(db.run("SET n 2 NX") == "(nil)");
  CHECK(db.run("MSETNX n 3 m 4") == "0");
  CHECK(db.run("SELECT key, value FROM kv WHERE key IN ('n', 'there', 'gone', 'b') ORDER BY key") ==
        "*4\nkey|value\nb|2\nn|1\nthere|x");
  CHECK(db.run("SELECT count(*) FROM kv") == "*2\ncount(*)\n5");  // a, b, n, there, short-lived
  CHECK(db.run("COMMIT") == "OK");
  CHECK(db.run("MGET a b c here there n") == "*6\n\"123\\x00\\x00x\"\n20\n30\n(nil)\nx\n1");
  CHECK(db.run("TTL short-lived") == "5");
}

TEST_CASE("in a transaction FIND, LIST, COUNT and SQL see the documents that it changed") {
  for (const bool indexed : {false, true}) {
    TestDb db;
    if (indexed) db.run("INDEX CREATE users (age)");
    for (int i = 0; i < 5; ++i)
      db.run("DOC PUT users u" + std::to_string(i) + " {\"age\": " + std::to_string(10 * i) + "}");
    TestSession other(db.database(), 2);
    db.run("BEGIN");
    other.run("DOC PUT users u9 {\"age\": 90}");
    db.run("DOC MERGE users u1 {\"age\": 45}");
    db.run("DOC DEL users u4");
    db.run("DOC PUT users new {\"age\": 41}");
    CHECK(db.run("DOC FIND users {\"age\": {\"$gt\": 25}} SORT age FIELDS id") ==
          "*2\n(nil)\n*3\n{\"id\":\"u3\"}\n{\"id\":\"new\"}\n{\"id\":\"u1\"}");
    CHECK(db.run("DOC FIND users {} SORT -age LIMIT 1 FIELDS id").find("u1") != std::string::npos);
    CHECK(db.run("DOC COUNT users") == "5");
    CHECK(db.run("DOC COUNT users {\"age\": 10}") == "0");
    CHECK(has(db.run("DOC LIST users LIMIT 1"), "\"new\""));
    CHECK(db.run("SELECT id FROM users WHERE data->>'age' > 25 ORDER BY id") ==
          "*4\nid\nnew\nu1\nu3");
    CHECK(db.run("COMMIT") == "OK");
    CHECK(db.run("DOC COUNT users") == "6");
  }
}

TEST_CASE("who changes first what a transaction changes makes its COMMIT fail, whatever it is") {
  const std::vector<std::vector<std::string>> cases = {
      {"SET k 1", "SET k 2"},
      {"DEL there", "EXPIRE there 100"},
      {"INCR counter", "INCR counter"},
      {"DOC PUT d 1 {}", "DOC PUT d 1 {\"a\": 1}"},
      {"DOC MERGE d 2 {\"a\": 1}", "DOC DEL d 2"},
      {"SET fresh 1", "SET fresh 2"},
      {"UPDATE t SET n = 1 WHERE id = 1", "UPDATE t SET n = 2 WHERE id = 1"},
  };
  for (const auto& each : cases) {
    CAPTURE(each[0]);
    TestDb db;
    make_table(db);
    db.run("MSET k 0 there 1 counter 5");
    db.run("DOC PUT d 2 {}");
    TestSession other(db.database(), 2);
    db.run("BEGIN");
    db.run("SET witness 1");
    db.run(each[0]);
    CHECK(!other.run(each[1]).starts_with("ERROR"));
    CHECK(db.run("COMMIT") == kConflict);
    CHECK(db.run("GET witness") == "ERROR: key not found");
  }
  // A key that came and went meanwhile, or that the transaction itself made and removed.
  TestDb db;
  TestSession other(db.database(), 2);
  db.run("BEGIN");
  db.run("SET x 1");
  db.run("DEL x");
  other.run("SET x 2");
  CHECK(db.run("COMMIT") == kConflict);
  CHECK(db.run("GET x") == "2");
}

TEST_CASE("a unique index of a collection holds over transactions") {
  TestDb db;
  db.run("INDEX CREATE u (email) UNIQUE");
  db.run("DOC PUT u a {\"email\": \"a\"}");
  TestSession other(db.database(), 2);
  db.run("BEGIN");
  CHECK(has(db.run("DOC PUT u b {\"email\": \"a\"}"), "duplicate key"));
  CHECK(db.run("DOC DEL u a") == "1");
  CHECK(db.run("DOC PUT u b {\"email\": \"a\"}") == "*2\nb\n1");
  CHECK(db.run("DOC PUT u c {\"email\": \"c\"}") == "*2\nc\n1");
  other.run("DOC PUT u d {\"email\": \"c\"}");
  CHECK(has(db.run("COMMIT"), "duplicate key"));
  CHECK(db.run("DOC COUNT u") == "2");
  db.run("BEGIN");
  db.run("DOC PUT u x {\"email\": \"x\"}");
  db.run("DOC PUT u y {\"email\": \"x\"}");
  CHECK(has(db.run("COMMIT"), "duplicate key"));
}

TEST_CASE("what looks past a transaction or could not be taken back is refused in it") {
  TestDb db;
  db.run("SET k 1");
  db.run("BEGIN");
  for (const char* command :
       {"KEYS *", "SCAN 0", "DBSIZE", "RANDOMKEY", "FLUSHALL", "FLUSHDB", "COLLECTIONS", "WATCH k",
        "PUBLISH c m", "INDEX CREATE u (a)", "DOC CHANGES u", "OBJECT IDLETIME k"}) {
    CAPTURE(command);
    CHECK(has(db.run(command), "is no part of a transaction"));
  }
  CHECK(has(db.run("MULTI"), "MULTI does not go inside BEGIN"));
  CHECK(has(db.run("ID me 1 SET k 2"), "has no ID of its own"));
  CHECK(db.run("PING") == "PONG");
  CHECK(db.run("GET k") == "1");
  CHECK(db.run("COMMIT") == "OK");
}

TEST_CASE("TX runs a list of commands as one transaction") {
  TestDb db;
  make_table(db);
  CHECK(db.run("TX [[\"SET\",\"k\",\"1\"],[\"INCRBY\",\"k\",2],[\"DOC\",\"PUT\",\"d\",\"1\","
               "{\"a\":[1]}],[\"SQL\",\"UPDATE t SET n = ? WHERE id = ?\",\"PARAMS\",[7,1]],"
               "[\"GET\",\"none\"]]") == "*5\nOK\n3\n*2\n1\n1\n1\n(nil)");
  CHECK(db.run("GET k") == "3");
  CHECK(db.run("SELECT n FROM t WHERE id = 1") == "*2\nn\n7");
  CHECK(
      db.run(
            "TX [[\"SET\",\"k\",\"9\"],[\"INCR\",\"k\"],[\"SQL\",\"INSERT INTO t VALUES (1, 1)\"]]")
          .starts_with("ERROR: command 2: duplicate primary key"));
  CHECK(db.run("GET k") == "3");
  for (const char* command : {"[\"SQL\",\" commit\"]", "[\"MULTI\"]", "[\"AUTH\",\"x\"]",
                              "[\"KEYS\",\"*\"]", "[\"nonsense\"]", "[]", "1", "[\"TX\",[]]",
                              "[\"FLUSHALL\"]", "[\"PUBLISH\",\"a\",\"b\"]"}) {
    CAPTURE(command);
    CHECK(db.run("TX [[\"SET\",\"k\",\"9\"]," + std::string(command) + "]")
              .starts_with("ERROR: command 1: "));
  }
  CHECK(db.run("GET k") == "3");
  CHECK(db.run("BEGIN") == "OK");  // nothing was left open
}

TEST_CASE("what a transaction wrote of every kind is recovered whole or not at all") {
  SeededRandom random(support::test_seed("transactions over all models are recovered whole"));
  const support::TestDeadline deadline(3);
  DatabaseOptions options;
  options.data_directory = "/data";
  options.workers = 1;
  int transactions = 0, states = 0;
  do {
    SimulatedFilesystem filesystem;
    filesystem.record();
    {
      TestDb db(options, filesystem);
      wal::Log& log = db.database().log();
      db.run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
      db.run("INDEX CREATE d (n)");
      for (std::uint64_t i = 1, count = 3 + random.below(6); i <= count; ++i) {
        const std::string n = std::to_string(i);
        db.run("BEGIN");
        db.run("SET k " + n);
        db.run("DOC PUT d 1 {\"n\": " + n + "}");
        db.run("REPLACE INTO t VALUES (1, " + n + ")");
        if (random.below(3) == 0) db.run("SET filler " + std::string(1 + random.below(3000), 'x'));
        CHECK(db.run("COMMIT") == "OK");
        ++transactions;
        if (random.below(2) == 0) {
          REQUIRE(log.sync_through(log.last_lsn()));
          filesystem.mark(i);
        }
        if (random.below(8) == 0) REQUIRE(db.database().checkpointer().save());
      }
    }
    const auto events = filesystem.take_events();
    CrashStates crashes(events, filesystem.directories(), random);
    std::unordered_set<std::uint64_t> seen;
    while (crashes.advance() && !deadline.passed()) {
      if (random.below(events.size()) >= 6) continue;
      CrashStates::State state = crashes.make();
      if (state.mark == 0 || !seen.insert(state.fingerprint).second) continue;
      TestDb db(options, *state.filesystem);
      ++states;
      const std::string k = db.run("GET k");
      CAPTURE(k);
      CHECK(std::stoull(k) >= state.mark);
      CHECK(has(db.run("DOC FIND d {\"n\": {\"$gte\": 0}} FIELDS n"), "\"n\":" + k + "}"));
      CHECK(db.run("SELECT n FROM t") == "*2\nn\n" + k);
    }
  } while (!deadline.passed());
  CHECK(states > 0);
  MESSAGE(transactions << " transactions, " << states << " crash states");
}

}  // namespace kimdb::database
