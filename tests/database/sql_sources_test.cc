// What statements read besides typed tables: collections, keys and the server itself.
#include <doctest/doctest.h>

#include <atomic>
#include <iterator>
#include <string>
#include <thread>

#include "base/random.h"
#include "tests/database/sql_replies.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {

using support::TestDb;
using support::TestSession;

TEST_CASE("collections, keys and the server are tables too, and can be joined") {
  TestDb db;
  db.run("DOC PUT people-1 u1 {\"name\": \"Kim\", \"age\": 30}");
  db.run("DOC PUT people-1 u2 {\"name\": \"Lee\", \"age\": 20}");
  db.run("MSET u1 one u2 two");
  db.run("SET gone x PX 10");
  db.clock().advance(20);
  CHECK(
      db.run(
          "SELECT id, data->>'name' AS name, version FROM \"people-1\" WHERE data->>'age' > 25") ==
      "*2\nid|name|version\nu1|Kim|1");
  CHECK(db.run("SELECT key, value, expires_at FROM kv ORDER BY key") ==
        "*3\nkey|value|expires_at\nu1|one|(nil)\nu2|two|(nil)");
  CHECK(db.run("SELECT count(*) FROM kv WHERE key = 'gone'") == "*2\ncount(*)\n0");
  db.run("CREATE TABLE t (k TEXT PRIMARY KEY, n INT)");
  CHECK(db.run("INSERT INTO t SELECT key, length(value) FROM kv") == "2");
  const std::string join =
      "SELECT p.data->>'name' AS name, k.value, t.n FROM t JOIN kv k ON k.key = t.k "
      "JOIN \"people-1\" p ON p.id = t.k ORDER BY name";
  CHECK(db.run(join) == "*3\nname|value|n\nKim|one|3\nLee|two|3");
  CHECK(has(db.run("EXPLAIN " + join), "kv by its first column, at most 1 row"));
  CHECK(db.run("DESCRIBE kv") ==
        "*4\ncolumn|type|null|key|default\nkey|TEXT|YES|(nil)|(nil)\nvalue|TEXT|YES|(nil)|(nil)\n"
        "expires_at|TIMESTAMP|YES|(nil)|(nil)");
  CHECK(has(db.run("SHOW COLUMNS FROM \"people-1\""), "version|BIGINT|YES"));
  CHECK(db.run("DESCRIBE nowhere") == "ERROR: unknown table: nowhere");
  const std::string analyzed =
      db.run("EXPLAIN ANALYZE SELECT * FROM t LEFT JOIN kv ON kv.key = t.k");
  CHECK(has(analyzed, "scan of t, about 2 rows|1|2|"));
  CHECK(has(analyzed, "kv by its first column, at most 1 row|2|2|"));
  // Compiled before there were three.
  const std::string counted = "EXPLAIN ANALYZE SELECT count(*) FROM kv";
  CHECK(has(db.run(counted), "rows|1|2|"));
  db.run("SET u3 three");
  CHECK(has(db.run(counted), "rows|1|3|"));
  db.run("DEL u3");
  CHECK(db.run("SELECT sum(keys), sum(documents), sum(rows) FROM kimdb_partitions") ==
        "*2\nsum(keys)|sum(documents)|sum(rows)\n3|2|2");
  CHECK(db.run("SELECT committed_lsn > 0 AS some FROM kimdb_wal") == "*2\nsome\n1");
  CHECK(db.run("SELECT count(*) FROM kimdb_connections") == "*2\ncount(*)\n0");  // no server here
  CHECK(db.run("INSERT INTO kv VALUES ('a', 'b', NULL)") == "ERROR: table kv may not be modified");
  CHECK(db.run("SELECT * FROM nowhere") == "ERROR: unknown table: nowhere");
  db.session().state().rights.role = Role::readonly;
  CHECK(db.run("SELECT * FROM kimdb_slowlog") ==
        "ERROR: NOPERM only admins may read kimdb_slowlog");
  CHECK(db.run("VACUUM t") == "ERROR: NOPERM this user has no permissions to change tables");
  CHECK(db.run("DELETE FROM t") == "ERROR: NOPERM this user has no permissions to change tables");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n2");
}

TEST_CASE("fields of a collection's indexes are columns, and lead to its documents") {
  SeededRandom random(support::test_seed("fields of indexes are columns"));
  TestDb db;
  constexpr const char* kValues[] = {
      "1",     "0",    "7",         "7.0",   "-2.5",         "true",
      "false", "null", "\"x\"",     "\"7\"", "\"it's\"",     "[\"x\"]",
      "[7,8]", "{}",   "{\"b\":7}", "\"\"",  "{\"b\":\"x\"}"};
  const auto value = [&] { return std::string(kValues[random.below(std::size(kValues))]); };
  for (int i = 0; i < 200; ++i) {
    std::string body = "{\"n\": " + value();
    if (random.below(3) != 0) body += ", \"a\": " + value();
    db.run("DOC PUT things d" + std::to_string(i) + " " + body + "}");
  }
  CHECK(db.run("SELECT n FROM things") == "ERROR: unknown column: n");
  REQUIRE(db.run("INDEX CREATE things (n) NAME by_n") == "by_n");
  REQUIRE(db.run("INDEX CREATE things (a.b, -n) NAME by_b") == "by_b");
  REQUIRE(db.run("INDEX CREATE things (a) HASH NAME by_a") == "by_a");
  CHECK(db.run("EXPLAIN SELECT id FROM things WHERE n = 7") ==
        "*2\nplan\nthings by an index, about 2 rows");
  // What they show is what the document has.
  CHECK(
      db.run("SELECT count(*) FROM things WHERE n IS NOT data->>'$.n' OR a IS NOT data->>'$.a' OR "
             "\"a.b\" IS NOT data->>'$.a.b'") == "*2\ncount(*)\n0");
  // What an index leads to is what a scan finds.
  for (const char* column : {"n", "a", "\"a.b\""})
    for (const char* sought : {"7", "0", "1", "-2.5", "'x'", "'7'", "''", "'[7,8]'", "'{}'", "NULL",
                               "'it''s'", "true"}) {
      const std::string by_index =
          std::string("SELECT id FROM things WHERE ") + column + " = " + sought;
      const std::string by_scan =
          std::string("SELECT id FROM things WHERE +") + column + " = " + sought;
      CAPTURE(by_index);
      CHECK(db.run(by_index + " ORDER BY id") == db.run(by_scan + " ORDER BY id"));
    }
  CHECK(db.run("SELECT count(*) FROM things WHERE n IN (7, 'x')") ==
        db.run("SELECT count(*) FROM things WHERE data->>'$.n' IN (7, 'x')"));
  // In a transaction's state; without an index there is no such column.
  TestSession session(db.database(), 2);
  REQUIRE(session.run("BEGIN") == "OK");
  const std::string before = session.run("SELECT id FROM things WHERE n = 'x' ORDER BY id");
  for (int i = 0; i < 50; ++i)
    db.run("DOC PUT things d" + std::to_string(random.below(200)) + " {\"n\": " + value() + "}");
  CHECK(session.run("SELECT id FROM things WHERE n = 'x' ORDER BY id") == before);
  REQUIRE(session.run("COMMIT") == "OK");
  REQUIRE(db.run("INDEX DROP things by_n") == "OK");
  REQUIRE(db.run("INDEX DROP things by_b") == "OK");
  CHECK(db.run("SELECT n FROM things") == "ERROR: unknown column: n");
  CHECK(db.run("SELECT count(*) FROM things WHERE a = 'x'") ==
        db.run("SELECT count(*) FROM things WHERE data->>'$.a' = 'x'"));
}

TEST_CASE("a statement that reads keys sees one state of them, whatever is written meanwhile") {
  TestDb db;
  constexpr int kKeys = 2000;
  for (int i = 0; i < kKeys; ++i) db.run("SET k" + std::to_string(i) + " 1");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    TestSession session(db.database(), 2);
    // Two keys move a unit between them in one record: the sum stays.
    for (int i = 0; !done; i = (i + 7) % kKeys) {
      const std::string a = "k" + std::to_string(i), b = "k" + std::to_string((i * 31 + 1) % kKeys);
      if (a == b) continue;
      session.run("MULTI");
      session.run("INCR " + a);
      session.run("DECR " + b);
      session.run("EXEC");
    }
  });
  for (int i = 0; i < 200; ++i)
    REQUIRE(db.run("SELECT count(*), sum(value) FROM kv") == "*2\ncount(*)|sum(value)\n2000|2000");
  done = true;
  writer.join();
}

}  // namespace kimdb::database
