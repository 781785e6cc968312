// The ways to the rows of typed tables: every one finds what SQLite would have found.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "database/sql/row_filter.h"
#include "database/sql/rows_by_number.h"
#include "database/sql/statement_memory.h"
#include "engine/engine.h"
#include "tests/database/sql_replies.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {

using support::TestDb;
using support::TestSession;

TEST_CASE("rows are given as literals and parameters, and found by their whole keys") {
  TestDb db;
  TestSession& session = db.session();
  const auto sql = [&](const std::vector<std::string_view>& words) {
    std::string reply = run_words(db, session, protocol::Framing::line, words);
    return reply.substr(0, reply.size() - 1);
  };
  CHECK(db.run("CREATE TABLE t (a INT, b TEXT, c DOUBLE DEFAULT 1.5, d TIMESTAMP, e BOOLEAN, "
               "PRIMARY KEY (b, a))") == "OK");
  CHECK(sql({"INSERT INTO t (b, a) VALUES (?, 1), ('y', ?)", "PARAMS", "[\"x\", 2]"}) == "2");
  CHECK(sql({"INSERT INTO t (b, a) VALUES (?, 1), ('y', ?)", "ARGS", "z", "3"}) == "2");
  CHECK(sql({"INSERT INTO t (b, a) VALUES (?, 1)", "ARGS", "z", "3"}) ==
        "ERROR: the statement takes 1 parameters, not 2");
  CHECK(db.run("INSERT INTO t VALUES (4, 'it''s', 0.25, '2020-02-03', true)") == "1");
  // What SQLite says of what it can read, and of what it cannot.
  CHECK(db.run("INSERT INTO t VALUES (1, 'x')") ==
        "ERROR: table t has 5 columns but 2 values were supplied");
  CHECK(db.run("INSERT INTO t (a, nope) VALUES (1, 'x')") == "ERROR: unknown column: nope");
  CHECK(db.run("INSERT INTO t (b, a) VALUES ('new', 9), ('x', 1)") ==
        "ERROR: duplicate primary key in table t: b = 'x', a = 1");
  CHECK(db.run("SELECT a FROM t WHERE b = 'new' AND a = 9") == "*1\na");
  CHECK(db.run("INSERT OR IGNORE INTO t (b, a) VALUES ('new', 9), ('x', 1)") == "1");
  CHECK(db.run("REPLACE INTO t (b, a, e) VALUES ('new', 9, false)") == "1");
  CHECK(db.run("SELECT * FROM t WHERE a = 9 AND b = 'new'") ==
        "*2\na|b|c|d|e\n9|new|1.5|(nil)|false");
  CHECK(db.run("SELECT D, e FROM t WHERE b = 'it''s' AND a = 4") ==
        "*2\nd|e\n2020-02-03 00:00:00|true");
  CHECK(sql({"SELECT c FROM t WHERE a = ? AND b = ?", "ARGS", "1", "x"}) == "*2\nc\n1.5");
  // Keys of other types: a number that is one, text that is none, a number beside text.
  CHECK(sql({"SELECT c FROM t WHERE a = ? AND b = ?", "PARAMS", "[1.0, \"x\"]"}) == "*2\nc\n1.5");
  CHECK(sql({"SELECT c FROM t WHERE a = ? AND b = ?", "PARAMS", "[null, \"x\"]"}) == "*1\nc");
  CHECK(db.run("INSERT INTO t (b, a) VALUES ('7', 7)") == "1");
  CHECK(sql({"SELECT a FROM t WHERE a = '7' AND b = ?", "PARAMS", "[7]"}) == "*2\na\n7");
  CHECK(db.run("SELECT a FROM t WHERE a = '7' AND b = 7") == "*2\na\n7");
  CHECK(db.run("SELECT CURRENT_DATE FROM t WHERE a = 7 AND b = '7'") !=
        db.run("SELECT a FROM t WHERE a = 7 AND b = '7'"));
  // In a transaction: what it has changed, and what others have not.
  TestSession other(db.database());
  CHECK(session.run("BEGIN") == "OK");
  CHECK(sql({"INSERT INTO t (b, a) VALUES (?, ?)", "ARGS", "mine", "1"}) == "1");
  CHECK(sql({"SELECT a FROM t WHERE b = ? AND a = ?", "ARGS", "mine", "1"}) == "*2\na\n1");
  CHECK(other.run("SELECT a FROM t WHERE b = 'mine' AND a = 1") == "*1\na");
  CHECK(session.run("ROLLBACK") == "OK");
  CHECK(sql({"SELECT a FROM t WHERE b = ? AND a = ?", "ARGS", "mine", "1"}) == "*1\na");
}

TEST_CASE("rows that are looked up ahead are those that a join asks for") {
  TestDb db;
  db.run("CREATE TABLE o (id INT PRIMARY KEY, u INT, s TEXT)");
  db.run("CREATE TABLE u (id BIGINT PRIMARY KEY, n INT)");
  db.run(
      "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 2499) "
      "INSERT INTO o SELECT i, i * 7 % 90, i % 5 FROM c");
  db.run(
      "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 79) "
      "INSERT INTO u SELECT i, i * i FROM c");
  const auto check = [&](TestSession& session) {
    for (const char* join : {"JOIN", "LEFT JOIN"})
      for (const char* key :
           {"o.u", "o.u + 1", "abs(o.u - 40)", "CASE o.id % 3 WHEN 0 THEN o.id ELSE o.u END", "o.s",
            "coalesce(nullif(o.u, 7), 8)"})
        for (const char* where :
             {"", " WHERE o.id + o.u > 300", " WHERE o.u < 9", " WHERE o.s = '3'"}) {
          const auto sum = [&](const std::string& inner) {
            return session.run("SELECT count(*), count(u.n), sum(u.n), sum(o.id * u.id) FROM o " +
                               std::string(join) + " u ON " + inner + " = " + key + where);
          };
          CAPTURE(join);
          CAPTURE(key);
          CAPTURE(where);
          CHECK(sum("u.id") == sum("+u.id"));
        }
  };
  CHECK(has(db.run("EXPLAIN SELECT * FROM o JOIN u ON u.id = o.u"), "u by primary key"));
  check(db.session());
  // With what a transaction has changed, and others meanwhile.
  TestSession session(db.database(), 2);
  REQUIRE(session.run("BEGIN") == "OK");
  REQUIRE(session.run("UPDATE u SET n = -n WHERE id % 3 = 0") == "27");
  REQUIRE(session.run("DELETE FROM u WHERE id = 7") == "1");
  REQUIRE(session.run("UPDATE o SET u = 5 WHERE id < 20") == "20");
  REQUIRE(db.run("DELETE FROM u WHERE id > 40") == "39");
  check(session);
  check(db.session());
}

TEST_CASE("a join that looks up most of a table finds what single lookups find") {
  database::DatabaseOptions options = TestDb::in_memory();
  options.sql.memory = 4 << 20;
  TestDb db(options);
  constexpr const char* kNumbers =
      "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 29999) ";
  db.run("CREATE TABLE o (id INT PRIMARY KEY, u BIGINT)");
  REQUIRE(db.run(std::string(kNumbers) +
                 "INSERT INTO o SELECT i, i * 7919 % 10007 - 5000 FROM c") == "30000");
  const auto fill = [&](const char* table, const char* key) {
    db.run("CREATE TABLE " + std::string(table) + " (id " + key + " PRIMARY KEY, n INT)");
    REQUIRE(db.run(std::string(kNumbers) + "INSERT INTO " + table +
                   " SELECT i - 5000, i FROM c WHERE i < 8000") == "8000");
  };
  fill("u", "BIGINT");
  fill("r", "DOUBLE");
  const auto sum = [&](TestSession& session, const std::string& table) {
    return session.run("SELECT count(*), sum(x.n), sum(o.id * x.id) FROM o JOIN " + table +
                       " x ON x.id = o.u");
  };
  // SQLite's own tables have none of this.
  const auto sum_of_copy = [&](TestSession& session, const std::string& table) {
    return session.run("WITH x AS MATERIALIZED (SELECT * FROM " + table +
                       ") SELECT count(*), sum(x.n), sum(o.id * x.id) FROM o JOIN x ON x.id = o.u");
  };
  const std::string all = sum(db.session(), "u");
  CHECK(has(all, "\n2398"));
  CHECK(all == sum_of_copy(db.session(), "u"));
  CHECK(sum(db.session(), "r") == sum_of_copy(db.session(), "r"));

  // As of a transaction's begin, with its changes, when there are few rows now.
  TestSession session(db.database(), 2);
  REQUIRE(session.run("BEGIN") == "OK");
  REQUIRE(sum(session, "u") == all);
  REQUIRE(db.run("DELETE FROM u WHERE id <> 0") == "7999");
  CHECK(sum(session, "u") == all);
  REQUIRE(session.run("UPDATE u SET n = -n WHERE id % 3 = 0") == "2666");
  REQUIRE(session.run("DELETE FROM u WHERE id % 3 = 1") == "1000");
  REQUIRE(session.run("INSERT INTO u VALUES (5001, 70), (5002, 80)") == "2");
  CHECK(sum(session, "u") != all);
  CHECK(sum(session, "u") == sum_of_copy(session, "u"));
  CHECK(sum(db.session(), "u") == sum_of_copy(db.session(), "u"));
  REQUIRE(session.run("ROLLBACK") == "OK");

  // Where there is no room for them.
  db.run("DROP TABLE u");
  db.run("CREATE TABLE u (id BIGINT PRIMARY KEY, n INT)");
  for (int part = 0; part < 2; ++part)
    REQUIRE(db.run(std::string(kNumbers) + "INSERT INTO u SELECT i + " +
                   std::to_string(part * 25000 - 25000) + ", i FROM c WHERE i < 25000") == "25000");
  const std::string without_room = sum(db.session(), "u");
  CHECK(has(without_room, "\n30000|"));
  // The same where it is filled before that is seen, as there are few rows now.
  REQUIRE(session.run("BEGIN") == "OK");
  REQUIRE(sum(session, "u") == without_room);
  REQUIRE(db.run("DELETE FROM u WHERE id > -24000") == "48999");
  CHECK(sum(session, "u") == without_room);
  REQUIRE(session.run("ROLLBACK") == "OK");
}

TEST_CASE("what makes a join faster has memory of its own, a quarter of the statement's") {
  sql::StatementMemory memory(4096);
  CHECK(memory.take(4096));
  engine::Engine engine({.partitions = 1});
  {
    sql::RowsByNumber rows(engine, &memory);
    CHECK(rows.reserve(16));  // 32 places of 16 bytes
    CHECK_FALSE(rows.reserve(32));
    for (std::int64_t i = 0; i < 16; ++i) CHECK(rows.insert(-i, sql::FoundRow::of_id(4 * (i + 1))));
    CHECK_FALSE(rows.insert(16, sql::FoundRow::of_id(4)));
    for (std::int64_t i = 0; i < 16; ++i) CHECK(rows.find(-i).id() == 4 * (i + 1));
    CHECK(rows.find(1).id() == 0);
  }
  CHECK_FALSE(memory.exceeded());
  CHECK(memory.take_extra(1024));  // was given back
  CHECK_FALSE(memory.take_extra(1));
  memory.give_extra(1024);
  CHECK_FALSE(memory.take(1));
  CHECK(memory.exceeded());
}

TEST_CASE("what is looked up or filtered is what SQLite would have found") {
  TestDb db;
  TestSession session(db.database(), 2);
  const auto sql = [&](const std::vector<std::string_view>& words) {
    const std::string reply = run_words(db, db.session(), protocol::Framing::line, words);
    return reply.substr(0, reply.size() - 1);
  };
  // A unique index in a transaction that has changed other rows.
  db.run("CREATE TABLE u (id INT PRIMARY KEY, email TEXT UNIQUE, name TEXT)");
  db.run("INSERT INTO u VALUES (1, 'e1', 'a'), (2, 'e2', 'b'), (3, 'e3', 'c')");
  REQUIRE(session.run("BEGIN") == "OK");
  CHECK(session.run("INSERT INTO u VALUES (100, 'e100', 'n')") == "1");
  CHECK(session.run("UPDATE u SET name = 'z' WHERE email = 'e3'") == "1");
  CHECK(session.run("DELETE FROM u WHERE email = 'e2'") == "1");
  CHECK(session.run("ROLLBACK") == "OK");
  // Numbers beside keys of text.
  db.run("CREATE TABLE k (id TEXT PRIMARY KEY, v INT)");
  db.run("INSERT INTO k VALUES ('1', 0), ('1.0', 0), ('5', 0), ('9', 0)");
  CHECK(db.run("UPDATE k SET v = 1 WHERE id = 5") == "1");
  CHECK(sql({"DELETE FROM k WHERE id = ?", "PARAMS", "[9]"}) == "1");
  CHECK(db.run("SELECT count(*) FROM (SELECT 1 AS n) j LEFT JOIN k ON k.id = CAST(j.n AS INT)") ==
        "*2\ncount(*)\n2");
  // LIKE in ON rejects no row of the table on the left.
  db.run("CREATE TABLE l (id INT PRIMARY KEY, y TEXT)");
  db.run("INSERT INTO l VALUES (1, 'a'), (2, 'b')");
  CHECK(db.run("SELECT p.id, q.id AS q FROM l p LEFT JOIN l q ON q.id = p.id AND p.y LIKE 'a%' "
               "ORDER BY p.id") == "*3\nid|q\n1|1\n2|(nil)");
  // Several keys may be equal to a number.
  db.run("CREATE TABLE ab (a TEXT, b INT, PRIMARY KEY (a, b))");
  db.run("INSERT INTO ab VALUES ('1', 5), ('1.0', 3)");
  CHECK(db.run("SELECT a, b FROM ab WHERE a = CAST(1 AS INTEGER) ORDER BY b") ==
        "*3\na|b\n1.0|3\n1|5");
  CHECK(db.run("SELECT max(b) FROM ab WHERE a = (SELECT id FROM l WHERE id = 1)") ==
        "*2\nmax(b)\n5");
  // One way to read numbers.
  db.run("CREATE TABLE d (id INT PRIMARY KEY, d DOUBLE)");
  db.run("INSERT INTO d VALUES (1, 17.366479), (-5, 0)");
  CHECK(sql({"INSERT INTO d VALUES (2, ?)", "ARGS", "17.366479"}) == "1");
  CHECK(db.run("SELECT count(*) FROM d WHERE d = '17.366479'") == "*2\ncount(*)\n2");
  CHECK(db.run("SELECT count(*) FROM d WHERE d = 17.366479") == "*2\ncount(*)\n2");
  CHECK(db.run("DELETE FROM d WHERE id = '+-5'") == "0");
  CHECK(has(db.run("INSERT INTO d VALUES (3, '1e999')"), "type mismatch"));
  // A row that UPDATE … FROM joins with several.
  db.run("CREATE TABLE f (id INT PRIMARY KEY, v INT)");
  db.run("CREATE TABLE g (id INT PRIMARY KEY, t INT, x INT)");
  db.run("INSERT INTO f VALUES (1, 0), (2, 0)");
  db.run("INSERT INTO g VALUES (1, 1, 5), (2, 1, 6), (3, 2, 7)");
  CHECK(db.run("UPDATE f SET v = g.x FROM g WHERE g.t = f.id") == "2");
  CHECK(db.run("UPDATE f SET id = f.id + 10 FROM g WHERE g.t = f.id") == "2");
  CHECK(db.run("SELECT id FROM f ORDER BY id") == "*3\nid\n11\n12");
  // What a statement does not name.
  db.run("CREATE TABLE dv (id INT PRIMARY KEY AUTO_INCREMENT, x INT DEFAULT 7)");
  CHECK(db.run("INSERT INTO dv DEFAULT VALUES") == "1");
  CHECK(db.run("INSERT INTO temp.dv (id) VALUES (5)") == "1");
  CHECK(db.run("SELECT count(*) FROM dv WHERE x = 7") == "*2\ncount(*)\n2");
  CHECK(has(db.run("INSERT OR BANANA INTO dv VALUES (9, 1)"), "syntax error at position 11"));
  db.run("CREATE TABLE cd (\"current_date\" TEXT PRIMARY KEY, v INT)");
  db.run("INSERT INTO cd VALUES ('2020-01-01', 1)");
  CHECK(db.run("SELECT v FROM cd WHERE current_date = '2020-01-01'") == "*1\nv");
  CHECK(db.run("SELECT v FROM cd WHERE \"current_date\" = '2020-01-01'") == "*2\nv\n1");
  // Documents with numbers and with their text.
  db.run("DOC PUT ages a {\"age\": 30}");
  db.run("DOC PUT ages b {\"age\": \"30\"}");
  db.run("INDEX CREATE ages (-age)");
  db.run("INSERT INTO l VALUES (30, NULL)");
  CHECK(db.run("SELECT p.id FROM l JOIN ages p ON p.age = l.id ORDER BY p.id") == "*3\nid\na\nb");
}

TEST_CASE("LIKE rejects rows where SQLite's does") {
  SeededRandom random(support::test_seed("LIKE rejects rows where SQLite's does"));
  const auto text_of = [&](std::initializer_list<const char*> parts) {
    std::string text;
    for (std::uint64_t count = random.below(7); count > 0; --count)
      text += parts.begin()[random.below(parts.size())];
    return text;
  };
  int matches = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::string pattern = text_of({"a", "B", "%", "%", "ä", "Ä", "0", "["});
    const std::string text = text_of({"a", "A", "b", "B", "ä", "Ä", "0", "[", "{"});
    const bool expected = sqlite3_strlike(pattern.c_str(), text.c_str(), 0) == 0;
    matches += expected;
    CAPTURE(pattern);
    CAPTURE(text);
    REQUIRE(sql::LikePattern(pattern).matches(text) == expected);
  }
  CHECK(matches > 1000);
  // Of a text its beginning, up to a zero byte.
  CHECK(sql::LikePattern("%a").matches(std::string_view("a\0b", 3)));
}

TEST_CASE("rows come in the order of an index, and where it is gone are sorted") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT, c TEXT)");
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) "
      "INSERT INTO t SELECT i, nullif(i * 7 % 100, 50), 'x' || (i % 13) FROM n");
  db.run("CREATE INDEX by_b ON t (b DESC, c)");
  TestSession other(db.database(), 2);
  REQUIRE(other.run("BEGIN") == "OK");
  REQUIRE(other.run("DELETE FROM t WHERE b > 97") == "20");
  REQUIRE(other.run("UPDATE t SET b = b + 1000 WHERE a % 50 = 3") == "20");
  REQUIRE(other.run("INSERT INTO t VALUES (2000, 60, 'y'), (2001, -1, 'y')") == "2");
  REQUIRE(db.run("DELETE FROM t WHERE a > 900 AND b < 30") == "29");
  REQUIRE(db.run("UPDATE t SET c = 'z' WHERE b = 31") == "10");
  const auto check = [](TestSession& session) {
    for (const char* order : {"b DESC, c, a", "b, c DESC, a DESC"})
      for (const char* rest : {"", " LIMIT 7", " LIMIT 30 OFFSET 500"})
        for (const char* where : {"", " WHERE b > 20", " WHERE b BETWEEN 10 AND 40 AND c <> 'z'",
                                  " WHERE b IS NULL", " WHERE b = 31"}) {
          CAPTURE(order);
          CAPTURE(rest);
          CAPTURE(where);
          const auto ordered = [&](const std::string& table, const std::string& by) {
            return session.run("SELECT a, b, c FROM " + table + where + " ORDER BY " + by + rest);
          };
          // Of an expression no index knows.
          CHECK(ordered("t", order) == ordered("t", "+" + std::string(order)));
        }
  };
  const std::string ordered = "SELECT * FROM t ORDER BY b DESC, c, a LIMIT 5";
  CHECK(has(db.run("EXPLAIN " + ordered), "t by index by_b, in order"));
  check(db.session());
  check(other);
  engine::Engine& engine = db.database().engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i)
    engine.partition(i).change_indexes(engine::kRows, [](engine::Collections& collections) {
      engine::IndexList all;
      collections.for_each_index([&](const engine::IndexPointer& index) { all.push_back(index); });
      for (const engine::IndexPointer& index : all) collections.remove_index(*index);
    });
  CHECK(has(db.run("EXPLAIN " + ordered), "t by index by_b, in order"));
  check(db.session());
  check(other);
}

TEST_CASE("an explained statement names the way to its rows") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT, c TEXT)");
  db.run("INSERT INTO t SELECT value, value % 7, 'x' || value FROM json_each('[" + [] {
    std::string list;
    for (int i = 0; i < 500; ++i) list += (list.empty() ? "" : ",") + std::to_string(i);
    return list;
  }() + "]')");
  db.run("CREATE INDEX by_b ON t (b, c DESC)");
  db.run("CREATE INDEX by_c ON t (c)");
  CHECK(db.run("EXPLAIN SELECT * FROM t") == "*2\nplan\nscan of t, about 500 rows");
  CHECK(db.run("EXPLAIN SELECT * FROM t WHERE a = 1") ==
        "*2\nplan\nt by primary key (a = ?), at most 1 row");
  CHECK(db.run("EXPLAIN SELECT * FROM t WHERE a > 1 AND a <= 5") ==
        "*2\nplan\nt by primary key (a > ? AND a <= ?), about 45 rows");
  CHECK(db.run("EXPLAIN SELECT * FROM t WHERE b = 1 AND c < 'x'") ==
        "*2\nplan\nt by index by_b (b = ? AND c < ?), about 2 rows");
  CHECK(db.run("EXPLAIN SELECT * FROM t WHERE c LIKE 'x4%' ORDER BY a DESC LIMIT 3") ==
        "*2\nplan\nscan of t in the order of its primary key, backwards, where c LIKE ?, about 150 "
        "rows");
  CHECK(db.run("SELECT a FROM t WHERE c LIKE 'x4%' ORDER BY a DESC LIMIT 3") ==
        "*4\na\n499\n498\n497");
  CHECK(db.run("EXPLAIN SELECT * FROM t WHERE a > 1 ORDER BY a, b DESC") ==
        "*2\nplan\nt by primary key (a > ?), in order, about 150 rows");
  CHECK(db.run("EXPLAIN SELECT * FROM t ORDER BY b") ==
        "*3\nplan\nscan of t, about 500 rows\nUSE TEMP B-TREE FOR ORDER BY");
  CHECK(db.run("EXPLAIN SELECT * FROM t ORDER BY b LIMIT 3") ==
        "*2\nplan\nt by index by_b, in order, about 500 rows");
  CHECK(db.run("EXPLAIN SELECT * FROM t WHERE b = 1 ORDER BY c, a DESC LIMIT 3 OFFSET 1") ==
        "*2\nplan\nt by index by_b (b = ?), backwards, about 5 rows");
  CHECK(has(db.run("EXPLAIN SELECT * FROM t ORDER BY b, c LIMIT 3"), "USE TEMP B-TREE"));
  // Few rows may fit: the way that leads to them counts more than an early end.
  for (const char* order : {"a", "c"})
    CHECK(has(db.run("EXPLAIN SELECT * FROM t WHERE b = 1 ORDER BY " + std::string(order) +
                     " DESC, a LIMIT 1"),
              "t by index by_b (b = ?)"));
  CHECK(has(db.run("EXPLAIN SELECT * FROM t WHERE a > 490 AND a < 495 ORDER BY b LIMIT 1"),
            "t by primary key (a > ? AND a < ?)"));
  CHECK(has(db.run("EXPLAIN SELECT * FROM t WHERE c > 'x1' AND c < 'x2' ORDER BY a LIMIT 1"),
            "t by index by_c (c > ? AND c < ?)"));
  // SQLite's own tables have no words of kimdb's.
  CHECK(db.run("EXPLAIN SELECT value FROM json_each('[1]')") == "*2\nplan\nSCAN json_each");
  CHECK(has(db.run("EXPLAIN ANALYZE SELECT t.a FROM json_each('[1,2]') j JOIN t ON t.a = j.value"),
            "statement|1|2|"));
  const std::string analyzed = db.run("EXPLAIN ANALYZE SELECT * FROM t WHERE b = 1");
  CHECK(has(analyzed, "t by index by_b (b = ?), about 5 rows|1|72|(nil)"));
  CHECK(has(analyzed, "statement|1|72|"));
}

}  // namespace kimdb::database
