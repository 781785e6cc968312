// Tables and SQL, as their user types them.
#include "database/sql/sql.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/posix_filesystem.h"
#include "tests/database/sql_replies.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

using support::TestDb;
using support::TestSession;

constexpr const char* kUsers =
    "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(10) NOT NULL, active BOOLEAN DEFAULT "
    "true, "
    "born TIMESTAMP)";

}  // namespace

TEST_CASE("a table is made, filled, read, changed and dropped") {
  TestDb db;
  CHECK(db.run(kUsers) == "OK");
  CHECK(db.run("INSERT INTO users VALUES (1, 'Kim', true, '1990-01-01T00:00:00Z'), (2, 'Lee', "
               "false, NULL)") == "2");
  CHECK(db.run("INSERT INTO users (id, name) VALUES (3, 'A|b')") == "1");
  CHECK(db.run("SELECT * FROM users ORDER BY id") ==
        "*4\nid|name|active|born\n1|Kim|true|1990-01-01 00:00:00\n2|Lee|false|(nil)\n"
        "3|\"A|b\"|true|(nil)");
  CHECK(db.run("SELECT name FROM users WHERE id = 2") == "*2\nname\nLee");
  CHECK(db.run("SELECT name FROM users WHERE id = 9") == "*1\nname");
  CHECK(db.run("UPDATE users SET active = true WHERE id = 2") == "1");
  // Keys may move over each other, whichever order they come in.
  CHECK(db.run("UPDATE users SET id = id + 1") == "3");
  CHECK(db.run("UPDATE users SET id = 6 - id") == "3");
  CHECK(db.run("SELECT id FROM users WHERE id BETWEEN 2 AND 3 ORDER BY id") == "*3\nid\n2\n3");
  CHECK(db.run("UPDATE users SET id = 3 WHERE id = 2") ==
        "ERROR: duplicate primary key in table users: a row would take the key of another one");
  CHECK(db.run("DELETE FROM users WHERE name LIKE 'k%'") == "1");
  CHECK(db.run("SELECT count(*) FROM users") == "*2\ncount(*)\n2");
  CHECK(db.run("SHOW TABLES").starts_with("*2\ntable|rows|bytes\nusers|2|"));
  CHECK(
      db.run("DESCRIBE users") ==
      "*5\ncolumn|type|null|key|default\nid|INT|NO|PRIMARY|(nil)\nname|VARCHAR(10)|NO|(nil)|(nil)\n"
      "active|BOOLEAN|YES|(nil)|true\nborn|TIMESTAMP|YES|(nil)|(nil)");
  CHECK(db.run("SHOW COLUMNS FROM users") == db.run("DESC users"));
  CHECK(db.run("CREATE UNIQUE INDEX by_name ON users USING HASH (name, born)") == "OK");
  CHECK(db.run("CREATE INDEX late ON users (born DESC, id)") == "OK");
  const std::string indexes =
      "*3\ntable|index|columns|unique|kind\nusers|by_name|name, born|YES|hash\n"
      "users|late|born DESC, id|NO|ordered";
  CHECK(db.run("SHOW INDEXES FROM users") == indexes);
  CHECK(db.run("SHOW INDEX") == indexes);
  CHECK(db.run("SHOW INDEXES FROM user") == "ERROR: unknown table: user (did you mean users?)");
  CHECK(db.run("DROP TABLE users") == "OK");
  CHECK(db.run("SELECT * FROM users") == "ERROR: unknown table: users");
  CHECK(db.run("DROP TABLE IF EXISTS users") == "OK");
}

TEST_CASE("what is wrong is said, with where and what, and nothing happens") {
  TestDb db;
  db.run(kUsers);
  db.run("INSERT INTO users VALUES (1, 'Kim', true, NULL)");
  struct Wrong {
    const char* statement;
    const char* error;
  };
  const Wrong cases[] = {
      {"SELECT * FROM user", "unknown table: user (did you mean users?)"},
      {"SELECT nam FROM users", "unknown column: nam (did you mean name?)"},
      {"SELECT fts3_tokenizer('simple')", "not authorized to use function: fts3_tokenizer"},
      {"SELECT u.xyz FROM users u", "unknown column: xyz"},
      {"INSERT INTO users (id, nane) VALUES (1, 'x')", "unknown column: nane (did you mean name?)"},
      {"CREATE TABLE Users (id INT)", "table Users exists already"},
      {"CREATE TABLE t (a INT, A TEXT)", "duplicate column: A"},
      {"CREATE TABLE t (a FLAOT)",
       "syntax error at position 19 near 'FLAOT': unknown type FLAOT of column a"},
      {"INSERT INTO users VALUES (1, 'x', true, NULL)",
       "duplicate primary key in table users: id = 1"},
      {"INSERT INTO users VALUES (2, 'x', true, 'yesterday')",
       "type mismatch for column born: value 'yesterday' is not a TIMESTAMP"},
      {"INSERT INTO users VALUES ('x', 'x', true, NULL)",
       "type mismatch for column id: value 'x' is not an INT"},
      {"INSERT INTO users VALUES (1.5, 'x', true, NULL)",
       "type mismatch for column id: value 1.5 is not an INT"},
      {"INSERT INTO users VALUES (2147483648, 'x', true, NULL)",
       "value 2147483648 is out of range for INT column id"},
      {"INSERT INTO users VALUES (2, NULL, true, NULL)",
       "column name of table users must not be NULL"},
      {"INSERT INTO users (id) VALUES (2)", "column name of table users must not be NULL"},
      {"INSERT INTO users VALUES (2, 'elevenchars', true, NULL)",
       "value too long for column name: 11 characters, VARCHAR(10)"},
      {"INSERT INTO users VALUES (2, 'x', 2, NULL)",
       "type mismatch for column active: value 2 is not a BOOLEAN"},
      {"INSERT INTO users VALUES (2, 'x')", "table users has 4 columns but 2 values were supplied"},
      // A batch with one bad row stores none.
      {"INSERT INTO users VALUES (2, 'x', true, NULL), (3, NULL, true, NULL)",
       "column name of table users must not be NULL"},
      {"SELECT * FORM users", "syntax error at position 10 near 'FORM'"},
      {"SELECT * FROM users WHERE", "syntax error at position 26, the end"},
      {"CREATE VIEW v AS SELECT 1", "syntax error at position 8 near 'VIEW'"},
      {"SQL PRAGMA table_info(users)", "syntax error at position 1 near 'PRAGMA'"},
      {"SQL ATTACH 'x' AS y", "syntax error at position 1 near 'ATTACH'"},
      {"SELECT rowid FROM users", "prohibited"},
      {"SELECT * FROM sqlite_master", "prohibited"},
      {"SELECT load_extension('x')", "not authorized to use function: load_extension"},
      {"SELECT * FROM pragma_database_list", "not authorized"},
      {"INSERT INTO users VALUES (2, 'x', true, NULL) ON CONFLICT (born) DO NOTHING",
       "ON CONFLICT names no PRIMARY KEY and no UNIQUE columns of table users"},
      {"SELECT ?", "the statement takes 1 parameters, not 0"},
      {"SELECT 1; SELEC 2", "statement 2 of 2: syntax error at position 1 near 'SELEC'"},
      {"COMMIT", "no transaction is open"},
      {"CREATE TABLE t (a TEXT DEFAULT '\xff')", "the statement is not valid UTF-8"},
      {"CREATE TABLE kimdb_x (a INT)", "is taken by the system"},
      {"CREATE TABLE t (a INT DEFAULT (b))", "the default of column a: no such column: b"},
      {"CREATE TABLE t (a INT CHECK (b > 1))", "a check of table t: no such column: b"},
      {"CREATE TABLE t (a INT CHECK (sum(a) > 1))", "a check of table t: misuse of aggregate"},
      {"CREATE TABLE t (a INT, CHECK (a > ?))", "a check of table t has a parameter"},
      {"SELECT * FROM main.users", "unknown table: main.users"},
      {"CREATE TABLE t (a INT REFERENCES nowhere)", "unknown table: nowhere"},
      {"CREATE TABLE t (a INT REFERENCES users(name))", "a foreign key refers to a primary key"},
      {"CREATE TABLE t (a TEXT REFERENCES users)", "column a is no INT"},
      {"CREATE INDEX i ON users (nam)", "unknown column: nam (did you mean name?)"},
      {"DROP INDEX i", "unknown index: i"},
      {"DESCRIBE user", "unknown table: user (did you mean users?)"},
  };
  for (const Wrong& wrong : cases) {
    CAPTURE(wrong.statement);
    const std::string reply = db.run(wrong.statement);
    CHECK(reply.starts_with("ERROR: "));
    CHECK_MESSAGE(has(reply, wrong.error), reply);
  }
  CHECK(db.run("INSERT INTO users VALUES (2147483647, 'x', true, NULL)") == "1");
  CHECK(db.run("SELECT count(*) FROM users") == "*2\ncount(*)\n2");
  CHECK(db.run("SHOW TABLES").starts_with("*2\n"));
}

TEST_CASE("a statement that is too long to be kept runs like any other") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT)");
  std::string values;
  for (int i = 0; i < 1000; ++i)
    values += (i == 0 ? "(" : ", (") + std::to_string(i) + ", " + std::to_string(i % 10) + ")";
  CHECK(db.run("INSERT INTO t VALUES " + values) == "1000");
  const std::string spaces(5000, ' ');
  for (int i = 0; i < 2; ++i)
    CHECK(db.run("SELECT count(*)," + spaces + "sum(b) FROM t") ==
          "*2\ncount(*)|sum(b)\n1000|4500");
  CHECK(db.run("UPDATE t SET b = b + 1" + spaces + "WHERE a < 10") == "10");
  CHECK(db.run("SELECT b FROM t WHERE" + spaces + "a = 9") == "*2\nb\n10");
}

TEST_CASE("values have the types of their columns") {
  TestDb db;
  db.run(
      "CREATE TABLE t (i INT, b BIGINT, d DOUBLE, n DECIMAL(10,2), s TEXT, f BOOLEAN, t TIMESTAMP, "
      "j JSON, x BLOB)");
  CHECK(db.run("INSERT INTO t VALUES ('7', 9223372036854775807, 2, 0.1, 5, 'yes', "
               "'2020-02-29 12:00:00.25+02:00', '{\"a\": [1]}', x'00ff')") == "1");
  CHECK(db.run("SELECT i, b, d, n, s, f, t, j->'$.a', hex(x), typeof(d) FROM t") ==
        "*2\ni|b|d|n|s|f|t|j->'$.a'|hex(x)|typeof(d)\n"
        "7|9223372036854775807|2.0|0.10|5|true|2020-02-29 10:00:00.250|[1]|00FF|real");
  CHECK(has(db.run("INSERT INTO t (j) VALUES ('{')"), "invalid JSON"));
  CHECK(has(db.run("INSERT INTO t (t) VALUES ('2021-02-29')"), "is not a TIMESTAMP"));
  CHECK(has(db.run("INSERT INTO t (b) VALUES (9223372036854775808)"), "out of range"));
  // Times are compared as what they say.
  CHECK(db.run("SELECT count(*) FROM t WHERE t = '2020-02-29T10:00:00.250Z'") == "*2\ncount(*)\n1");
  CHECK(db.run("SELECT count(*) FROM t WHERE t < '2020-03-01'") == "*2\ncount(*)\n1");
  CHECK(db.run("SELECT count(*) FROM t WHERE i = '7'") == "*2\ncount(*)\n1");
}

TEST_CASE("unique columns, checks, defaults and references hold") {
  TestDb db;
  db.run(
      "CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, email TEXT UNIQUE, age INT CHECK "
      "(age >= 0), note TEXT DEFAULT ('n' || 1))");
  CHECK(db.run("INSERT INTO users (email, age) VALUES ('a', 1), ('b', 2), (NULL, 3), (NULL, 4)") ==
        "4");
  CHECK(db.run("INSERT INTO users (email, age) VALUES ('c', 1), ('b', 2)") ==
        "ERROR: duplicate key in unique index users_email of table users: email = 'b'");
  CHECK(db.run("INSERT INTO users (email) VALUES ('d'), ('d')") ==
        "ERROR: duplicate key in unique index users_email of table users: email = 'd'");
  CHECK(db.run("INSERT INTO users (email, age) VALUES ('e', -1)") ==
        "ERROR: check constraint of table users does not hold: age >= 0");
  CHECK(db.run("INSERT OR IGNORE INTO users (email, age) VALUES ('b', 7), ('f', 8)") == "1");
  CHECK(db.run("INSERT OR REPLACE INTO users (email, age) VALUES ('b', 9)") == "1");
  CHECK(db.run("SELECT email, age, note FROM users WHERE email IS NOT NULL ORDER BY email") ==
        "*4\nemail|age|note\na|1|n1\nb|9|n1\nf|8|n1");
  // Two rows exchange a unique value in one statement.
  CHECK(db.run("UPDATE users SET email = CASE email WHEN 'a' THEN 'b' ELSE 'a' END WHERE email IN "
               "('a', 'b')") == "2");
  CHECK(db.run("CREATE TABLE orders (id INT PRIMARY KEY, user_id INT REFERENCES users)") == "OK");
  CHECK(db.run("INSERT INTO orders VALUES (1, 1), (2, NULL)") == "2");
  CHECK(db.run("INSERT INTO orders VALUES (3, 77)") ==
        "ERROR: no row of table users that a row of table orders refers to: user_id = 77");
  CHECK(db.run("DELETE FROM users WHERE id = 1") ==
        "ERROR: a row of table orders refers to the row of table users with id = 1");
  CHECK(
      db.run("UPDATE users SET id = 50 WHERE id = 1").starts_with("ERROR: a row of table orders"));
  CHECK(db.run("DROP TABLE users") == "ERROR: table orders refers to table users");
  CHECK(db.run("DROP INDEX orders_user_id") ==
        "ERROR: a foreign key of table orders needs index orders_user_id");
  db.run("DELETE FROM orders WHERE user_id = 1");
  CHECK(db.run("DELETE FROM users WHERE id = 1") == "1");
  // A number is never given twice.
  db.run("INSERT INTO users (id) VALUES (100)");
  db.run("DELETE FROM users WHERE id = 100");
  db.run("INSERT INTO users (email) VALUES ('z')");
  CHECK(db.run("SELECT id FROM users WHERE email = 'z'") == "*2\nid\n101");
  // Many checks, and comments in them.
  std::string many = "CREATE TABLE many (a INT";
  for (int i = 0; i < 1200; ++i) many += ", CHECK (a > 0 -- " + std::to_string(i) + "\n)";
  CHECK(run_words(db, db.session(), protocol::Framing::line, {many + ")"}) == "OK\n");
  CHECK(db.run("INSERT INTO many VALUES (1)") == "1");
  CHECK(has(db.run("INSERT INTO many VALUES (0)"), "does not hold: a > 0"));
}

TEST_CASE("a table is altered while it has rows") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT CHECK (b < 10), c TEXT)");
  db.run("INSERT INTO t VALUES (1, 2, 'x'), (2, 3, 'y')");
  CHECK(db.run("ALTER TABLE t ADD COLUMN d TEXT NOT NULL") ==
        "ERROR: column d must not be NULL, and has no default for the rows there are");
  CHECK(db.run("ALTER TABLE t ADD COLUMN d VARCHAR(9) NOT NULL DEFAULT 'it''s'") == "OK");
  CHECK(db.run("ALTER TABLE t ADD e DECIMAL CHECK (e > 1)") == "OK");
  CHECK(db.run("ALTER TABLE t DROP COLUMN b").starts_with("ERROR: a check of table t"));
  CHECK(db.run("ALTER TABLE t DROP COLUMN c") == "OK");
  CHECK(db.run("ALTER TABLE t RENAME COLUMN b TO bee") == "OK");
  CHECK(db.run("INSERT INTO t VALUES (3, 4, 'z', 5)") == "1");
  CHECK(has(db.run("INSERT INTO t VALUES (4, 10, 'z', 5)"), "\"bee\" < 10"));
  CHECK(db.run("SELECT * FROM t ORDER BY a") ==
        "*4\na|bee|d|e\n1|2|it's|(nil)\n2|3|it's|(nil)\n3|4|z|5");
  CHECK(db.run("ALTER TABLE t RENAME TO u") == "OK");
  CHECK(db.run("ALTER TABLE u ADD COLUMN c INT DEFAULT 7") == "OK");  // the name is free again
  CHECK(db.run("SELECT c FROM u WHERE a = 1") == "*2\nc\n7");
  CHECK(db.run("CREATE UNIQUE INDEX i ON u (c)") ==
        "ERROR: duplicate key: two rows have the same c");
  CHECK(db.run("SELECT * FROM t") == "ERROR: unknown table: t");
}

TEST_CASE("an index finds rows that have more columns than the table had when it was made") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT UNIQUE)");
  db.run("INSERT INTO t VALUES (1, 10)");
  db.run("ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'x'");
  db.run("ALTER TABLE t ADD COLUMN d INT");
  std::string values = "(2, 20, 'y', 1)";
  for (int i = 100; i < 200; ++i)
    values += ", (" + std::to_string(i) + ", " + std::to_string(i) + ", 'z', 2)";
  REQUIRE(db.run("INSERT INTO t VALUES " + values) == "101");
  REQUIRE(has(db.run("EXPLAIN SELECT a FROM t WHERE b = 20"), "by index t_b"));
  CHECK(db.run("SELECT a, c FROM t WHERE b = 20") == "*2\na|c\n2|y");
  CHECK(db.run("SELECT a, c FROM t WHERE b = 10") == "*2\na|c\n1|x");
  CHECK(db.run("INSERT INTO t VALUES (3, 20, 'y', 1)").starts_with("ERROR: duplicate key"));
}

TEST_CASE("a transaction sees its own changes and the state that it began with") {
  TestDb db;
  TestSession other(db.database(), 2);
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT)");
  db.run("INSERT INTO t VALUES (1, 10), (2, 20)");
  CHECK(db.run("BEGIN") == "OK");
  CHECK(db.run("BEGIN") == "ERROR: a transaction is open already");
  CHECK(db.run("UPDATE t SET b = b + 1 WHERE a = 1") == "1");
  CHECK(db.run("INSERT INTO t VALUES (3, 30)") == "1");
  CHECK(db.run("DELETE FROM t WHERE a = 2") == "1");
  CHECK(other.run("INSERT INTO t VALUES (4, 40)") == "1");
  CHECK(db.run("SELECT * FROM t ORDER BY a") == "*3\na|b\n1|11\n3|30");
  CHECK(other.run("SELECT * FROM t ORDER BY a") == "*4\na|b\n1|10\n2|20\n4|40");
  // A statement that fails leaves the transaction as it was.
  CHECK(db.run("INSERT INTO t VALUES (5, 50), (3, 0)").starts_with("ERROR: duplicate"));
  CHECK(has(db.run("CREATE TABLE u (a INT)"), "definitions are no part of a transaction"));
  CHECK(db.run("COMMIT") == "OK");
  CHECK(other.run("SELECT * FROM t ORDER BY a") == "*4\na|b\n1|11\n3|30\n4|40");

  // The first one wins, and the other one changes nothing.
  db.run("BEGIN");
  db.run("UPDATE t SET b = 0");
  other.run("UPDATE t SET b = 1 WHERE a = 3");
  CHECK(db.run("COMMIT") == "ERROR: write conflict, retry the transaction");
  CHECK(db.run("SELECT sum(b) FROM t") == "*2\nsum(b)\n52");
  db.run("BEGIN");
  db.run("DELETE FROM t");
  CHECK(db.run("ROLLBACK") == "OK");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n3");
  // A table that was dropped and made anew meanwhile is another one.
  db.run("BEGIN");
  db.run("INSERT INTO t VALUES (9, 9)");
  other.run("DROP TABLE t");
  other.run("CREATE TABLE t (a INT PRIMARY KEY, b INT)");
  CHECK(db.run("COMMIT") == "ERROR: write conflict, retry the transaction");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n0");
}

TEST_CASE("no update is lost, however many add at once") {
  TestDb db;
  db.run("CREATE TABLE c (id INT PRIMARY KEY, n INT)");
  db.run("INSERT INTO c VALUES (1, 0)");
  constexpr int kThreads = 16, kUpdates = 1000;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      TestSession session(db.database(), static_cast<std::uint64_t>(10 + i));
      for (int update = 0; update < kUpdates; ++update)
        if (session.run("UPDATE c SET n = n + 1 WHERE id = 1") != "1") ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(db.run("SELECT n FROM c") == "*2\nn\n16000");
}

TEST_CASE("a statement over a whole table ends, however many others change rows of it") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  db.run(
      "INSERT INTO t WITH RECURSIVE i(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM i WHERE v < "
      "3000) SELECT v, 0 FROM i");
  std::atomic<bool> done{false};
  std::atomic<int> changes{0};
  std::vector<std::thread> writers;
  for (std::uint64_t i = 0; i < 3; ++i)
    writers.emplace_back([&, i] {
      support::TestSession session(db.database(), i + 2);
      for (int row = 1; !done; row = row % 3000 + 1) {
        const std::string id = std::to_string(row);
        CHECK(session.run("UPDATE t SET n = n + 1 WHERE id = " + id) == "1");
        changes += 1;
      }
    });
  // Far more of them than a statement may be tried again.
  while (changes < 1000) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) CHECK(db.run("UPDATE t SET n = n + 100000") == "3000");
  done = true;
  for (std::thread& writer : writers) writer.join();
  CHECK(db.run("SELECT min(n) / 100000, sum(n % 100000) FROM t") ==
        "*2\nmin(n) / 100000|sum(n % 100000)\n3|" + std::to_string(changes));
}

TEST_CASE("tables are there again after a restart, rows of dropped ones are not") {
  support::TemporaryDirectory directory;
  const auto options = TestDb::with_log(directory.path());
  std::string before;
  {
    TestDb db(options);
    db.run("CREATE TABLE t (a INT PRIMARY KEY AUTO_INCREMENT, b TEXT UNIQUE)");
    db.run("INSERT INTO t (b) VALUES ('x'), ('y')");
    db.run("ALTER TABLE t ADD COLUMN c INT DEFAULT 3");
    db.run("CREATE TABLE gone (a INT)");
    db.run("INSERT INTO gone VALUES (1), (2)");
    db.run("DROP TABLE gone");
    before = db.run("SELECT * FROM t ORDER BY a");
    db.run("BEGIN");
    db.run("INSERT INTO t (b) VALUES ('never')");
    REQUIRE(db.database().close(false).has_value());
  }
  TestDb db(options);
  CHECK(db.run("SELECT * FROM t ORDER BY a") == before);
  CHECK(before == "*3\na|b|c\n1|x|3\n2|y|3");
  CHECK(db.run("INSERT INTO t (b) VALUES ('x')").starts_with("ERROR: duplicate key"));
  CHECK(db.run("INSERT INTO t (b) VALUES ('z')") == "1");
  CHECK(db.run("SHOW TABLES").starts_with("*2\n"));
  const auto rows = [&] {
    std::size_t count = 0;
    db.database().engine().for_each_entry(engine::kRows, [&](const engine::Entry&) { ++count; });
    return count;
  };
  for (int i = 0; i < 100 && rows() != 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(rows() == 3);
}

TEST_CASE("a statement over its time, its memory, or without a client ends and leaves nothing") {
  auto options = TestDb::in_memory();
  options.sql = {.timeout = std::chrono::seconds(5), .memory = 4 << 20};
  TestDb db(options);
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b TEXT)");
  const std::string endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) ";
  const auto while_running = [&](const std::string& statement, const auto& act) {
    std::string reply;
    std::atomic<bool> done{false};
    std::thread runs([&] {
      reply = db.run(statement);
      done = true;
    });
    while (!done) {
      act();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    runs.join();
    return reply;
  };
  const auto time_passes = [&] { db.clock().advance(1000); };
  CHECK(while_running(endless + "SELECT count(*) FROM c", time_passes) ==
        "ERROR: the statement took longer than sql.statement_timeout allows");
  CHECK(while_running(endless + "INSERT INTO t SELECT x % 100, 'y' FROM c WHERE x = 0",
                      time_passes) ==
        "ERROR: the statement took longer than sql.statement_timeout allows");
  REQUIRE(db.run("CREATE TABLE late (a INT, b INT DEFAULT ((" + endless +
                 "SELECT count(*) FROM c)))") == "OK");
  CHECK(while_running("INSERT INTO late (a) VALUES (1)", time_passes) ==
        "ERROR: the statement took longer than sql.statement_timeout allows");
  CHECK(db.run("SELECT count(*) FROM late") == "*2\ncount(*)\n0");
  CHECK(db.run("SELECT 'a' LIKE '" + std::string(1001, 'b') + "'") ==
        "ERROR: LIKE or GLOB pattern too complex");
  // Compiling takes memory as well: each of these has twice what the one before has.
  std::string doubled = "WITH a0 AS (SELECT 1 x)";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "a" + std::to_string(i - 1);
    doubled += ", a" + std::to_string(i) + " AS (SELECT * FROM " + before +
               " UNION ALL SELECT * FROM " + before + ")";
  }
  for (const char* explained : {"", "EXPLAIN ", "EXPLAIN ANALYZE "})
    CHECK(db.run(explained + doubled + " SELECT count(*) FROM a19") ==
          "ERROR: the statement needs more memory than sql.max_memory allows");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n0");
  const std::string rows = endless + "SELECT x, hex(randomblob(50)) AS y FROM c LIMIT 100000";
  CHECK(db.run(rows) == "ERROR: the statement needs more memory than sql.max_memory allows");
  CHECK(db.run("SELECT count(*) FROM (" + rows + ") ORDER BY 1") == "*2\ncount(*)\n100000");
  CHECK(db.run("SELECT x FROM (" + rows + ") ORDER BY y LIMIT 100000") ==
        "ERROR: the statement needs more memory than sql.max_memory allows");
  CHECK(has(db.run("INSERT INTO t " + rows), "than sql.max_memory"));
  db.session().state().info.closed = true;
  CHECK(db.run(endless + "SELECT count(*) FROM c") == "ERROR: the statement was cancelled");
  db.session().state().info.closed = false;
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n0");
}

TEST_CASE("an earlier state is read as long as it is held") {
  support::TemporaryDirectory directory;
  TestDb db(TestDb::with_log(directory.path()));
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT)");
  db.run("INSERT INTO t VALUES (1, 10), (2, 20)");
  const auto position = [&] { return "1-" + std::to_string(db.database().applied_lsn()); };
  const std::string before = position();
  CHECK(db.run("SELECT b FROM t WHERE a = 1 AS OF " + before) == "*2\nb\n10");  // it is now
  TestSession reader(db.database(), 2);
  reader.run("BEGIN");  // holds it
  db.run("UPDATE t SET b = b + 1");
  const std::string between = position();
  db.run("DELETE FROM t WHERE a = 1");
  CHECK(db.run("SELECT * FROM t AS OF " + before) == "*3\na|b\n1|10\n2|20");
  CHECK(db.run("SELECT b FROM t WHERE a = 1 AS OF '" + between + "';") == "*2\nb\n11");
  CHECK(db.run("SELECT * FROM t") == "*2\na|b\n2|21");
  CHECK(db.run("SELECT b AS of FROM t") == "*2\nof\n21");
  reader.run("ROLLBACK");
  CHECK(has(db.run("SELECT * FROM t AS OF " + before), "is not held any more"));
  CHECK(has(db.run("SELECT * FROM t AS OF 1-999"), "has not reached position 1-999"));
  CHECK(has(db.run("SELECT * FROM t AS OF 7"), "AS OF takes a position"));
  CHECK(has(db.run("DELETE FROM t AS OF " + before), "AS OF is for SELECT"));
  db.database().sql().set_limits({.timeout = {}, .memory = 0, .history = std::chrono::seconds(60)});
  // The maintenance thread looks at it every second.
  for (int i = 0; i < 100 && db.database().engine().horizon() == ~Lsn{0}; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const std::string held = position();
  db.run("UPDATE t SET b = 0");
  CHECK(db.run("SELECT b FROM t AS OF " + held) == "*2\nb\n21");
}

TEST_CASE("rows come as maps in RESP3 and JSON, as flat lists in RESP2") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b BOOLEAN, c DOUBLE, d TEXT)");
  db.run("INSERT INTO t VALUES (1, true, 0.5, NULL)");
  const auto sql = [&](const std::vector<std::string_view>& words) {
    return run_words(db, db.session(), protocol::Framing::resp, words);
  };
  CHECK(sql({"SELECT * FROM t"}) ==
        "*1\r\n*8\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:1\r\n$1\r\nc\r\n$3\r\n0.5\r\n$1\r\nd\r\n$-1\r\n");
  db.session().state().resp_format = protocol::Format::resp3;
  CHECK(sql({"SELECT a, b FROM t WHERE a = ?", "ARGS", "1"}) ==
        "*1\r\n%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n#t\r\n");
  CHECK(sql({"SELECT ?1 + 1 AS x, ?2 AS y", "PARAMS", "[41,null]"}) ==
        "*1\r\n%2\r\n$1\r\nx\r\n:42\r\n$1\r\ny\r\n_\r\n");
  db.run("FORMAT json");
  CHECK(db.run("SELECT a, b, d FROM t") == R"([{"a":1,"b":true,"d":null}])");
}

}  // namespace kimdb::database
