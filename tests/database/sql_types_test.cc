// What statements make of values of different types, and how results show them.
#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "database/sql/catalog.h"
#include "engine/row.h"
#include "engine/schema.h"
#include "tests/database/sql_replies.h"
#include "tests/support/test_db.h"

namespace kimdb::database {

using support::TestDb;

namespace {

// The rows of a reply in lines, without their number and the names of the columns.
std::string rows(TestDb& db, const std::string& sql) {
  const std::string reply = db.run(sql);
  const std::size_t names = reply.find('\n');
  if (names == std::string::npos) return reply;
  const std::size_t first = reply.find('\n', names + 1);
  return first == std::string::npos ? "" : reply.substr(first + 1);
}

std::string as_json(TestDb& db, const std::string& sql) {
  db.run("FORMAT json");
  std::string reply = db.run(sql);
  db.run("FORMAT text");
  return reply;
}

}  // namespace

TEST_CASE("IN beside numbers compares texts as numbers, however rows are found") {
  TestDb db;
  db.run("CREATE TABLE p (s TEXT PRIMARY KEY)");
  db.run("CREATE TABLE q (id INT PRIMARY KEY, s TEXT, j JSON, t TIMESTAMP)");
  db.run("CREATE INDEX q_s ON q (s)");
  db.run("CREATE INDEX q_j ON q USING HASH (j)");
  db.run("CREATE INDEX q_t ON q (t, s)");
  db.run("CREATE TABLE n (i INT)");
  db.run("INSERT INTO p VALUES ('1'), ('1.0'), ('01'), ('x'), ('2')");
  db.run(
      "INSERT INTO q VALUES (1, '1', '1', '2020-01-01'), (2, '1.0', '1.0', '2020-01-02'), "
      "(3, 'x', '2', '2020-01-03')");
  db.run("INSERT INTO n VALUES (1), (7), (NULL)");
  CHECK(rows(db, "SELECT s FROM p WHERE s IN (SELECT i FROM n) ORDER BY s") == "01\n1\n1.0");
  CHECK(rows(db, "SELECT id FROM q WHERE s IN (SELECT i FROM n) ORDER BY id") == "1\n2");
  CHECK(rows(db, "SELECT id FROM q WHERE j IN (SELECT i FROM n) ORDER BY id") == "1\n2");
  // Values of no type are compared as they are: 1 is not '1'.
  CHECK(rows(db, "SELECT s FROM p WHERE s IN (SELECT value FROM json_each('[1,\"x\"]'))") == "x");
  // Lists are compared as the column is, and looked up.
  CHECK(rows(db, "SELECT s FROM p WHERE s IN (1, 'x', NULL, 'none') ORDER BY s") == "1\nx");
  CHECK(rows(db,
             "SELECT id FROM q WHERE t IN ('2020-01-01', '2020-01-03T00:00Z', '2020') "
             "AND s IN ('1', 'x') ORDER BY id") == "1\n3");
  CHECK(has(db.run("EXPLAIN SELECT * FROM p WHERE s IN ('1', 'x')"), "p by primary key (s = ?)"));
  CHECK(rows(db, "SELECT count(*) FROM n JOIN p ON p.s IN ('1', 'x')") == "6");
  CHECK(rows(db, "SELECT s FROM p WHERE s IN ()") == "");
  CHECK(db.run("UPDATE q SET s = s || '!' WHERE s IN ('1', 'x')") == "2");
  CHECK(db.run("DELETE FROM p WHERE s IN ('1', '2', 'gone')") == "2");
}

TEST_CASE("a row is found once by IN, whatever a transaction has changed") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, s TEXT, m TIMESTAMP)");
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499) "
      "INSERT INTO t SELECT i, 's' || (i % 100), '2020-01-01' FROM n");
  db.run("CREATE INDEX t_s ON t (s)");
  db.run("CREATE INDEX t_m ON t USING HASH (s, m)");
  CHECK(db.run("BEGIN") == "OK");
  CHECK(db.run("INSERT INTO t VALUES (1000, 's1', '2020-01-02'), (1001, 's2', NULL)") == "2");
  CHECK(db.run("UPDATE t SET s = 's3' WHERE id = 1") == "1");
  const std::string query =
      "SELECT count(*), count(DISTINCT id) FROM t WHERE s IN ('s1', 's2', 's3')";
  CHECK(has(db.run("EXPLAIN " + query), "t by index t_s (s = ?)"));
  CHECK(rows(db, query) == "17|17");
  CHECK(rows(db, query + " AND m IN ('2020-01-01', '2020-01-02 00:00')") == "16|16");
}

TEST_CASE("IN looks up fields of collections and keys as SQLite compares them") {
  TestDb db;
  db.run("CREATE TABLE n (i INT, s TEXT)");
  db.run("INSERT INTO n VALUES (30, '30'), (31, 'x'), (NULL, NULL)");
  for (const char* put : {"a {\"age\": 30}", "b {\"age\": \"30\"}", "c {\"age\": \"30.0\"}",
                          "d {\"age\": 31}", "e {\"age\": \"x\"}", "f {\"age\": [30]}", "g {}"})
    db.run("DOC PUT ages " + std::string(put));
  for (int i = 0; i < 100; ++i) db.run("DOC PUT ages i" + std::to_string(i) + " {\"age\": 1000}");
  db.run("INDEX CREATE ages (age)");
  CHECK(rows(db, "SELECT id FROM ages WHERE age IN (SELECT i FROM n) ORDER BY id") == "a\nb\nc\nd");
  CHECK(rows(db, "SELECT id FROM ages WHERE age IN (SELECT s FROM n) ORDER BY id") == "b\ne");
  CHECK(rows(db, "SELECT id FROM ages WHERE age IN (30, 'x', '30.0') ORDER BY id") == "a\nc\ne");
  CHECK(has(db.run("EXPLAIN SELECT id FROM ages WHERE age IN (30, 'x')"), "ages by an index"));
  CHECK(rows(db, "SELECT id FROM ages WHERE id IN ('a', 'b', 'none', 'a', NULL) ORDER BY id") ==
        "a\nb");
  // What one of two conditions finds, or both.
  CHECK(rows(db,
             "SELECT id FROM ages WHERE id = 'g' OR age IN (30, 31) OR id IN ('a', 'e') "
             "ORDER BY id") == "a\nd\ne\ng");
  db.run("SET 1 one");
  db.run("SET 01 zero-one");
  db.run("SET x y");
  db.run("INSERT INTO n VALUES (1, 'x')");
  CHECK(rows(db, "SELECT value FROM kv WHERE key IN (SELECT i FROM n) ORDER BY key") ==
        "zero-one\none");
  CHECK(rows(db, "SELECT value FROM kv WHERE key IN ('x', 1) ORDER BY key") == "one\ny");
}

TEST_CASE("a column of a result is shown as BOOLEAN or DECIMAL where all its values are") {
  TestDb db;
  db.run("CREATE TABLE b (id INT PRIMARY KEY, b BOOLEAN, d DECIMAL(10,2), e DECIMAL(10,3))");
  db.run("CREATE TABLE i (id INT PRIMARY KEY, i INT)");
  db.run("INSERT INTO b VALUES (1, true, 1.5, 1.5)");
  db.run("INSERT INTO i VALUES (1, 7)");
  CHECK(rows(db, "SELECT b, d, e FROM b") == "true|1.50|1.500");
  CHECK(rows(db, "SELECT b FROM b UNION ALL SELECT i FROM i ORDER BY 1") == "1\n7");
  CHECK(rows(db, "SELECT i FROM i UNION ALL SELECT b FROM b ORDER BY 1") == "1\n7");
  CHECK(rows(db, "SELECT d FROM b UNION ALL SELECT e FROM b") == "1.5\n1.5");
  CHECK(rows(db, "SELECT b, d FROM b UNION ALL SELECT b, d FROM b LIMIT 9") ==
        "true|1.50\ntrue|1.50");
  CHECK(rows(db, "SELECT b, 1 FROM b UNION SELECT b, 2 FROM b EXCEPT SELECT b, 2 FROM b") ==
        "true|1");
  // Through subqueries and WITH, in which others may be.
  CHECK(rows(db, "SELECT x FROM (SELECT b AS x FROM b UNION ALL SELECT i FROM i) ORDER BY x") ==
        "1\n7");
  CHECK(rows(db,
             "WITH u(x, y) AS (SELECT b, d FROM b UNION ALL SELECT b, d FROM b LIMIT 1) "
             "SELECT * FROM u") == "true|1.50");
  CHECK(rows(db,
             "WITH u(x) AS (SELECT b FROM b UNION ALL SELECT i FROM i) "
             "SELECT b FROM b UNION ALL SELECT x FROM u WHERE x > 1") == "1\n7");
  CHECK(rows(db, "SELECT b FROM b WHERE id IN (SELECT id FROM b UNION SELECT id FROM i)") ==
        "true");
  CHECK(rows(db, "SELECT (SELECT b FROM b), (SELECT b FROM b UNION ALL SELECT i FROM i LIMIT 1)") ==
        "true|1");
  CHECK(rows(db,
             "WITH RECURSIVE r(x) AS (SELECT b FROM b UNION ALL SELECT x + 1 FROM r WHERE "
             "x < 3) SELECT x FROM r") == "1\n2\n3");
  // Expressions give SQLite's values.
  CHECK(
      rows(db, "SELECT max(b), coalesce(b, 5), CASE 1 WHEN 1 THEN b END, +b, -d, sum(d) FROM b") ==
      "1|1|1|1|-1.5|1.5");
  CHECK(rows(db, "VALUES (true), (2)") == "1\n2");
}

TEST_CASE("a column that is added shows its default as its type") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY)");
  db.run("INSERT INTO t VALUES (1)");
  db.run("ALTER TABLE t ADD COLUMN c DOUBLE DEFAULT 7");
  db.run("ALTER TABLE t ADD COLUMN d DECIMAL DEFAULT 7.0");
  db.run("ALTER TABLE t ADD COLUMN e DECIMAL(8,2) DEFAULT 7");
  db.run("ALTER TABLE t ADD COLUMN s TEXT DEFAULT 7");
  db.run("ALTER TABLE t ADD COLUMN b BOOLEAN DEFAULT 'yes'");
  db.run("ALTER TABLE t ADD COLUMN m TIMESTAMP DEFAULT '2020-01-01'");
  db.run("INSERT INTO t (id) VALUES (2)");
  const std::string both = "7.0|3.5|real|7.0|3.5|7.00|3.5|7|text|true|2020-01-01 00:00:00";
  CHECK(rows(db, "SELECT c, c / 2, typeof(c), d, d / 2, e, e / 2, s, typeof(s), b, m FROM t") ==
        both + "\n" + both);
}

TEST_CASE("what 0.1.0 wrote of a schema says what it meant") {
  const auto schema =
      engine::read_schema(R"({"name":"t","number":1,"columns":[{"name":"a","type":"INT"},)"
                          R"({"name":"c","type":"DOUBLE","default":"7","missing":"7"},)"
                          R"({"name":"d","type":"DECIMAL","missing":"7"}]})");
  REQUIRE(schema);
  const sql::TypedTable table(*schema, 1);
  const engine::RowLayout before(std::span(schema->columns).first(1));
  const std::vector<engine::SqlValue> values{engine::SqlValue::of(std::int64_t{1})};
  const std::string row = engine::encode_row(before, values);
  CHECK(table.column({table.layout(), row}, 1) == engine::SqlValue::of(7.0));
  CHECK(table.column({table.layout(), row}, 2) == engine::SqlValue::of(std::int64_t{7}));
  CHECK(engine::full_type_name(schema->columns[2]) == "DECIMAL");
}

TEST_CASE("CHECK compares columns by their types") {
  TestDb db;
  db.run(
      "CREATE TABLE t (id INT PRIMARY KEY, val TEXT CHECK (val > 5), n INT CHECK (n < '10'), "
      "m TIMESTAMP CHECK (m >= '2020-01-01T00:00Z'), d DECIMAL CHECK (d <> '1.0'), "
      "b BLOB CHECK (b <> 'a'), CHECK (val <> n))");
  CHECK(has(db.run("INSERT INTO t (id, val) VALUES (1, '3')"), "does not hold: val > 5"));
  CHECK(db.run("INSERT INTO t (id, val) VALUES (2, '6')") == "1");
  CHECK(db.run("INSERT INTO t (id, n) VALUES (3, 9)") == "1");
  CHECK(has(db.run("INSERT INTO t (id, n) VALUES (4, 10)"), "does not hold"));
  CHECK(db.run("INSERT INTO t (id, m) VALUES (5, '2020-01-01')") == "1");
  CHECK(has(db.run("INSERT INTO t (id, m) VALUES (6, '2019-12-31 23:59')"), "does not hold"));
  CHECK(has(db.run("INSERT INTO t (id, d) VALUES (7, 1)"), "does not hold"));
  CHECK(db.run("INSERT INTO t (id, b) VALUES (8, 'a')") == "1");  // bytes are no text
  CHECK(has(db.run("INSERT INTO t (id, val, n) VALUES (9, '9.0', 9)"), "does not hold"));
  CHECK(has(db.run("UPDATE t SET n = '11' WHERE id = 3"), "does not hold"));
}

TEST_CASE("a comparison in which a TIMESTAMP takes part is one of times") {
  TestDb db;
  db.run("CREATE TABLE e (id INT PRIMARY KEY, t TIMESTAMP, u TIMESTAMP, day TEXT)");
  db.run("CREATE TABLE k (t TIMESTAMP PRIMARY KEY)");
  db.run("CREATE TABLE o (\"t\" TEXT, w TIMESTAMP)");
  db.run(
      "INSERT INTO e VALUES (1, '2020-01-01', NULL, '2020-01-01'), "
      "(2, '2020-01-01 10:00', '2020-01-01', '2020-01-01T10:00Z')");
  db.run("INSERT INTO k VALUES ('2020-01-01'), ('2020-01-02')");
  const auto ids = [&](const std::string& condition) {
    return rows(db, "SELECT group_concat(id) FROM e WHERE " + condition);
  };
  for (const std::string one :
       {"t = '2020-01-01'", "'2020-01-01' = t", "coalesce(t, u) = '2020-01-01'",
        "'2020-01-01' = coalesce(t, u)", "CASE WHEN id THEN t END = '2020-01-01T00:00Z'",
        "t IN ('2020-01-01', 'x')", "max(t, t) IN ('2020-01-01', 'x')",
        "max(t, t) BETWEEN '2020-01-01' AND '2020-01-01'", "CASE t WHEN '2020-01-01' THEN 1 END",
        "(SELECT max(x.t) FROM e x WHERE x.id = e.id) = '2020-01-01'", "'2020-01-01' = (SELECT t)",
        "e.t = '2020-01-01' AND day = '2020-01-01'", "t || '' = '2020-01-01'",
        "t IN (SELECT t FROM k)", "coalesce(t, u) IN (SELECT day FROM e)  AND id = 1"}) {
    CAPTURE(one);
    CHECK(ids(one) == "1");
  }
  CHECK(ids("t = day") == "1,2");
  CHECK(ids("day = t") == "1,2");
  CHECK(ids("day = '2020-01-01 00:00:00'") == "(nil)");
  CHECK(ids("t > '2020'") == "1,2");
  // An index that SQLite makes for itself finds texts of other lengths as well.
  CHECK(rows(db,
             "WITH y AS MATERIALIZED (SELECT day FROM e) SELECT count(*) FROM e x JOIN y ON "
             "x.t = y.day JOIN e z") == "4");
  // Of IN the left side counts.
  CHECK(ids("day IN (SELECT t FROM e)") == "(nil)");
  CHECK(ids("t IN (SELECT day FROM e)") == "1,2");
  CHECK(rows(db, "SELECT count(*) FROM e JOIN k ON e.day = k.t") == "1");
  CHECK(rows(db, "SELECT max(t) = '2020-01-01T10:00Z', min(t) = '2020-01-01', max(t) FROM e") ==
        "1|1|2020-01-01 10:00:00");
  CHECK(rows(db, "SELECT id FROM e GROUP BY id HAVING max(t) = '2020-01-01'") == "1");
  CHECK(rows(db, "WITH m(t) AS (SELECT max(t) FROM k) SELECT t = '2020-01-02' FROM m") == "1");
  // Columns keep their names, and lists of names are none of comparisons.
  CHECK(db.run("SELECT t, max(t), e.t AS u FROM e WHERE id = 1 ORDER BY t") ==
        "*2\nt|max(t)|u\n2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00");
  CHECK(db.run("UPDATE e SET t = '2021-01-01', u = t WHERE coalesce(t, u) = '2020-01-01'") == "1");
  CHECK(db.run("INSERT INTO e (id, t) SELECT 3, t FROM k WHERE max(t, t) = '2020-01-02'") == "1");
  CHECK(rows(db, "SELECT count(*) FROM e JOIN k USING (t)") == "1");
  CHECK(has(db.run("EXPLAIN SELECT * FROM k WHERE t = '2020-01-01'"), "k by primary key (t = ?)"));
  CHECK(
      has(db.run("EXPLAIN SELECT * FROM k ORDER BY t LIMIT 1"), "in the order of its primary key"));
  // A name that is another type's as well: where it stands alone on the left.
  db.run("INSERT INTO o VALUES ('2020-01-02', '2020-01-02')");
  CHECK(rows(db, "SELECT count(*) FROM o WHERE t = '2020-01-02 00:00:00'") == "0");
  CHECK(rows(db, "SELECT count(*) FROM o JOIN k ON k.t = '2020-01-02'") == "1");
  CHECK(rows(db, "SELECT count(*) FROM o WHERE max(w, w) = '2020-01-02'") == "1");
  // Of documents and keys as well.
  db.run("DOC PUT d a {}");
  CHECK(rows(db, "SELECT max(created_at) = replace(max(created_at), ' ', 'T') || 'Z' FROM d") ==
        "1");
  // In a CHECK.
  db.run(
      "CREATE TABLE c (t TIMESTAMP CHECK (coalesce(t, 0) <> '2020-01-01' AND '2020-01-02' <> t))");
  CHECK(has(db.run("INSERT INTO c VALUES ('2020-01-01T00:00')"), "does not hold"));
  CHECK(has(db.run("INSERT INTO c VALUES ('2020-01-02')"), "does not hold"));
  CHECK(db.run("INSERT INTO c VALUES ('2020-01-03')") == "1");
}

TEST_CASE("a unique index by hash takes any number of NULLs") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b INT)");
  db.run(
      "INSERT INTO t VALUES (1, NULL, 1), (2, NULL, 1), (3, 'x', 1), (4, 'x', NULL), "
      "(5, 'x', NULL)");
  CHECK(db.run("CREATE UNIQUE INDEX u ON t USING HASH (a, b)") == "OK");
  CHECK(db.run("INSERT INTO t VALUES (6, NULL, 1), (7, 'y', NULL)") == "2");
  CHECK(has(db.run("INSERT INTO t VALUES (8, 'x', 1)"), "u"));
  CHECK(rows(db, "SELECT id FROM t WHERE a = 'x' AND b = 1") == "3");
  CHECK(rows(db, "SELECT id FROM t WHERE a IS NULL AND b = 1 ORDER BY id") == "1\n2\n6");
  CHECK(db.run("UPDATE t SET a = 'z' WHERE id = 1") == "1");
  CHECK(rows(db, "SELECT id FROM t WHERE a = 'z' AND b = 1") == "1");
  CHECK(db.run("UPDATE t SET a = NULL WHERE id = 1") == "1");
  CHECK(rows(db, "SELECT id FROM t WHERE a = 'z' AND b = 1") == "");
  CHECK(db.run("DROP INDEX u") == "OK");
  CHECK(db.run("UPDATE t SET b = 1 WHERE id = 4") == "1");
  CHECK(has(db.run("CREATE UNIQUE INDEX u ON t USING HASH (a, b)"), "ERROR"));
}

TEST_CASE("no column of a result is lost to another of its name") {
  TestDb db;
  db.run("CREATE TABLE a (id INT PRIMARY KEY, \"n\" INT)");
  db.run("INSERT INTO a VALUES (1, 2)");
  const std::string sql = "SELECT x.id, y.id, y.n, y.n AS id, 5 AS \"id:1\" FROM a x JOIN a y ON 1";
  CHECK(db.run(sql) == "*2\nid|id:2|n|id:3|id:1\n1|1|2|2|5");
  CHECK(as_json(db, sql) == "[{\"id\":1,\"id:2\":1,\"n\":2,\"id:3\":2,\"id:1\":5}]");
  CHECK(run_words(db, db.session(), protocol::Framing::resp, {"SELECT id, id FROM a"}) ==
        "*1\r\n*4\r\n$2\r\nid\r\n:1\r\n$4\r\nid:1\r\n:1\r\n");
}

TEST_CASE("numbers are shown in the shortest digits that read back") {
  TestDb db;
  CHECK(rows(db, "SELECT 100000.0, 1e15, 1e14, 123456789012345678.0, 1e300, 0.0001, 0.00001") ==
        "100000.0|1.0e+15|100000000000000.0|1.2345678901234568e+17|1.0e+300|0.0001|1.0e-05");
  CHECK(rows(db, "SELECT 0.1, 0.1 + 0.2, -0.0, -1.5, 5e-324, 1.7976931348623157e308, 1e21") ==
        "0.1|0.30000000000000004|0.0|-1.5|5.0e-324|1.7976931348623157e+308|1.0e+21");
  CHECK(rows(db, "SELECT 9e999, -9e999, 9e999 - 9e999, 0.0 / 0") == "inf|-inf|(nil)|(nil)");
  db.run("CREATE TABLE t (id INT PRIMARY KEY, c DOUBLE)");
  db.run("INSERT INTO t VALUES (1, 100000), (2, -0.0), (3, '1e300')");
  CHECK(rows(db, "SELECT c FROM t ORDER BY id") == "100000.0\n0.0\n1.0e+300");
  CHECK(as_json(db, "SELECT c, 9e999 AS i FROM t WHERE id = 1") ==
        "[{\"c\":100000.0,\"i\":\"inf\"}]");
  CHECK(run_words(db, db.session(), protocol::Framing::resp, {"SELECT c FROM t WHERE id = 3"}) ==
        "*1\r\n*2\r\n$1\r\nc\r\n$8\r\n1.0e+300\r\n");
}

TEST_CASE("DECIMAL(p,s) keeps its digits, and compares as a number") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,2), w DECIMAL(5), p NUMERIC)");
  db.run("CREATE UNIQUE INDEX by_d ON t (d)");
  CHECK(has(db.run("DESCRIBE t"), "d|DECIMAL(10,2)|"));
  CHECK(has(db.run("DESCRIBE t"), "w|DECIMAL(5,0)|"));
  CHECK(has(db.run("DESCRIBE t"), "p|DECIMAL|"));
  db.run(
      "INSERT INTO t VALUES (1, 1.5, 2.5, 1.50), (2, '1.005', -2.5, 3), (3, -0.001, 99999, 1e300), "
      "(4, 99999999.99, 0, NULL), (5, 3, 1, 0.1), (6, 9.999, 99999.4, 1)");
  CHECK(
      rows(db, "SELECT d, w, p FROM t ORDER BY id") ==
      "1.50|3|1.5\n1.01|-3|3\n0.00|99999|1.0e+300\n99999999.99|0|(nil)\n3.00|1|0.1\n10.00|99999|1");
  CHECK(rows(db, "SELECT d FROM t WHERE id = 1") == "1.50");
  CHECK(rows(db, "SELECT id FROM t WHERE d = 1.5 OR d = '3.00' ORDER BY id") == "1\n5");
  CHECK(rows(db, "SELECT id, d / 2 FROM t WHERE d = 3") == "5|1.5");
  CHECK(has(db.run("INSERT INTO t VALUES (7, 1.499, 0, 0)"), "ERROR"));  // 1.50 is taken
  CHECK(db.run("INSERT INTO t VALUES (8, 99999999.995, 0, 0)") ==
        "ERROR: value 99999999.995 is out of range for DECIMAL(10,2) column d");
  CHECK(db.run("INSERT INTO t VALUES (8, 0, 99999.5, 0)") ==
        "ERROR: value 99999.5 is out of range for DECIMAL(5,0) column w");
  CHECK(has(db.run("INSERT INTO t VALUES (8, 9e999, 0, 0)"), "out of range"));
  CHECK(has(db.run("CREATE TABLE e (d DECIMAL(0))"), "column d has 1 to 100 digits"));
  CHECK(has(db.run("CREATE TABLE e (d DECIMAL(2,3))"), "column d has 1 to 100 digits"));
  db.run("CREATE TABLE big (d DECIMAL(30,2))");
  db.run("INSERT INTO big VALUES (9007199254740993), (1e20)");
  CHECK(rows(db, "SELECT d FROM big") == "9007199254740993.00\n100000000000000000000.00");
}

}  // namespace kimdb::database
