// BEGIN SERIALIZABLE: the anomalies that snapshot isolation lets through do not happen. The cases
// are Hermitage's (M. Kleppmann, github.com/ept/hermitage) and the one of Fekete, O'Neil and
// O'Neil, "A Read-Only Transaction Anomaly Under Snapshot Isolation" (SIGMOD Record 33, 2004).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/database/sql_replies.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

using support::TestDb;
using support::TestSession;

constexpr const char* kConflict = "ERROR: write conflict, retry the transaction";

struct Two {
  explicit Two(const char* begin) {
    db.run("CREATE TABLE test (id INT PRIMARY KEY, value INT)");
    db.run("CREATE INDEX test_value ON test (value)");
    db.run("INSERT INTO test VALUES (1, 10), (2, 20)");
    REQUIRE(a.run(begin) == "OK");
    REQUIRE(b.run(begin) == "OK");
  }
  TestDb db;
  TestSession a{db.database(), 2};
  TestSession b{db.database(), 3};
};

constexpr const char* kSerializable = "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE";

}  // namespace

TEST_CASE("write skew on rows (G2-item) is prevented, and by snapshot isolation alone it is not") {
  const auto commits = [](const char* begin) {
    Two two(begin);
    two.a.run("SELECT * FROM test WHERE id IN (1, 2)");
    two.b.run("SELECT * FROM test WHERE id IN (1, 2)");
    two.a.run("UPDATE test SET value = 11 WHERE id = 1");
    two.b.run("UPDATE test SET value = 21 WHERE id = 2");
    CHECK(two.a.run("COMMIT") == "OK");
    return two.b.run("COMMIT");
  };
  CHECK(commits("BEGIN") == "OK");
  CHECK(commits(kSerializable) == kConflict);
}

TEST_CASE("write skew on what a condition finds (G2) is prevented, scanned or by an index") {
  for (const char* read :
       {"SELECT * FROM test WHERE value % 3 = 0",
        "SELECT * FROM test WHERE value BETWEEN 25 AND 45", "SELECT count(*) FROM test",
        "SELECT * FROM test ORDER BY value DESC LIMIT 1"}) {
    CAPTURE(read);
    Two two(kSerializable);
    two.a.run(read);
    two.b.run(read);
    CHECK(two.a.run("INSERT INTO test VALUES (3, 30)") == "1");
    CHECK(two.b.run("INSERT INTO test VALUES (4, 42)") == "1");
    CHECK(two.a.run("COMMIT") == "OK");
    CHECK(two.b.run("COMMIT") == kConflict);
  }
}

TEST_CASE("what lies outside of what was read does not matter") {
  Two two(kSerializable);
  // So many that an index is better than a scan.
  two.a.run("ROLLBACK");
  two.b.run("ROLLBACK");
  two.db.run(
      "INSERT INTO test WITH RECURSIVE i(v) AS (SELECT 3 UNION ALL SELECT v + 1 FROM i WHERE "
      "v < 2000) SELECT v, v * 100 FROM i");
  two.a.run(kSerializable);
  two.b.run(kSerializable);
  CHECK(two.a.run("SELECT * FROM test WHERE value BETWEEN 5 AND 15") == "*2\nid|value\n1|10");
  two.a.run("SELECT * FROM test WHERE id = 1");
  two.a.run("UPDATE test SET value = 11 WHERE id = 1");
  two.b.run("UPDATE test SET value = 99 WHERE id = 200");
  CHECK(two.b.run("COMMIT") == "OK");
  CHECK(two.a.run("COMMIT") == "OK");
}

TEST_CASE("a reader that saw one of two withdrawals cannot be made wrong by the other (Fekete)") {
  TestDb db;
  db.run("CREATE TABLE accounts (name TEXT PRIMARY KEY, balance INT)");
  db.run("INSERT INTO accounts VALUES ('x', 0), ('y', 0)");
  TestSession withdraws(db.database(), 2), deposits(db.database(), 3), reads(db.database(), 4);
  withdraws.run(kSerializable);
  withdraws.run("SELECT sum(balance) FROM accounts");
  deposits.run(kSerializable);
  deposits.run("UPDATE accounts SET balance = balance + 20 WHERE name = 'y'");
  CHECK(deposits.run("COMMIT") == "OK");
  reads.run(kSerializable);
  CHECK(reads.run("SELECT name, balance FROM accounts ORDER BY name") ==
        "*3\nname|balance\nx|0\ny|20");
  CHECK(reads.run("COMMIT") == "OK");
  withdraws.run("UPDATE accounts SET balance = balance - 11 WHERE name = 'x'");
  CHECK(withdraws.run("COMMIT") == kConflict);
}

TEST_CASE("keys and documents that were read count as rows do") {
  const std::vector<std::vector<std::string>> cases = {
      {"GET a", "SET b 1", "GET b", "SET a 1"},
      {"EXISTS none", "SET b 1", "GET b", "SET none 1"},
      {"DOC GET d 1", "SET b 1", "GET b", "DOC PUT d 1 {}"},
      {"DOC FIND d {\"n\": 1}", "DOC PUT e 1 {}", "DOC COUNT e", "DOC PUT d 1 {\"n\": 1}"},
      {"SELECT count(*) FROM kv", "DOC PUT e 1 {}", "DOC LIST e", "SET fresh 1"},
      {"SELECT count(*) FROM d", "SET b 1", "GET b", "DOC PUT d 7 {}"},
  };
  for (const auto& each : cases) {
    CAPTURE(each[0]);
    TestDb db;
    db.run("DOC PUT d 0 {\"n\": 0}");
    TestSession a(db.database(), 2), b(db.database(), 3);
    a.run(kSerializable);
    b.run(kSerializable);
    CHECK(!a.run(each[0]).starts_with("ERROR: '"));
    CHECK(!b.run(each[2]).starts_with("ERROR: '"));
    CHECK(!a.run(each[1]).starts_with("ERROR"));
    CHECK(!b.run(each[3]).starts_with("ERROR"));
    CHECK(a.run("COMMIT") == "OK");
    CHECK(b.run("COMMIT") == kConflict);
  }
}

TEST_CASE("BEGIN names its isolation, and others are refused") {
  TestDb db;
  for (const char* begin :
       {"BEGIN SERIALIZABLE", "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN SNAPSHOT",
        "START TRANSACTION ISOLATION LEVEL REPEATABLE READ", "BEGIN WORK"}) {
    CAPTURE(begin);
    CHECK(db.run(begin) == "OK");
    CHECK(db.run("ROLLBACK") == "OK");
  }
  CHECK(has(db.run("BEGIN ISOLATION LEVEL READ UNCOMMITTED"), "SERIALIZABLE and SNAPSHOT"));
}

}  // namespace kimdb::database
