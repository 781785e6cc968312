// What INSERT, UPDATE and DELETE say and leave beside the rows themselves: RETURNING, ON CONFLICT,
// OR …, counts; foreign keys that act; names of all kinds; several statements in one text.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/database/sql_replies.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

using support::TestDb;
using support::TestSession;

}  // namespace

// --- RETURNING ---

TEST_CASE("RETURNING gives the rows that were changed, typed as SELECT shows them") {
  TestDb db;
  db.run(
      "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, b BOOLEAN DEFAULT true, at TIMESTAMP)");
  CHECK(db.run("INSERT INTO t (at) VALUES ('2020-01-01'), (NULL) RETURNING *") ==
        "*3\nid|b|at\n1|true|2020-01-01 00:00:00\n2|true|(nil)");
  CHECK(db.run("INSERT INTO t (b) VALUES (false) RETURNING id AS number, NOT b, t.b;") ==
        "*2\nnumber|NOT b|b\n3|1|false");
  CHECK(db.run("UPDATE t SET at = '2021-01-01', id = id + 10 WHERE id = 1 RETURNING id, at") ==
        "*2\nid|at\n11|2021-01-01 00:00:00");
  CHECK(db.run("DELETE FROM t WHERE id > 10 RETURNING id, (SELECT count(*) FROM t) AS there") ==
        "*2\nid|there\n11|3");
  CHECK(db.run("DELETE FROM t WHERE id > 2 RETURNING id") == "*2\nid\n3");
  CHECK(db.run("REPLACE INTO t VALUES (2, false, NULL) RETURNING b") == "*2\nb\nfalse");
  CHECK(db.run("DELETE FROM t WHERE id = 7 RETURNING id") == "*1\nid");
  CHECK(db.run_resp("DELETE FROM t RETURNING id, b") ==
        "*1\r\n*4\r\n$2\r\nid\r\n:2\r\n$1\r\nb\r\n:0\r\n");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n0");
}

TEST_CASE("a row that is changed twice by a statement is returned once, as it is then") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  db.run("CREATE TABLE u (id INT, n INT)");
  db.run("INSERT INTO t VALUES (1, 0), (2, 0)");
  db.run("INSERT INTO u VALUES (1, 5), (1, 5)");
  CHECK(db.run("UPDATE t SET n = u.n FROM u WHERE u.id = t.id RETURNING id, n") == "*2\nid|n\n1|5");
}

TEST_CASE("RETURNING takes what is said of one row, and says what it does not know") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, name TEXT)");
  const std::string begin = "INSERT INTO t VALUES (1, 'x') ";
  CHECK(has(db.run(begin + "RETURNING count(*)"), "RETURNING"));
  CHECK(has(db.run(begin + "RETURNING (SELECT max(id) FROM t), max(id)"), "RETURNING"));
  CHECK(has(db.run(begin + "RETURNING row_number() OVER ()"), "RETURNING"));
  CHECK(
      has(db.run(begin + "RETURNING DISTINCT id"), "syntax error at position 41 near 'DISTINCT'"));
  CHECK(has(db.run(begin + "RETURNING id UNION SELECT 2"),
            "syntax error at position 44 near 'UNION'"));
  CHECK(has(db.run(begin + "RETURNING"), "syntax error"));
  CHECK(has(db.run(begin + "RETURNING nam"), "unknown column: nam (did you mean name?)"));
  CHECK(has(db.run(begin + "RETURNING id FROM t"), "syntax error"));
  CHECK(has(db.run("SELECT * FROM kimdb_rows_returned_t"), "ERROR"));
  CHECK(db.run(begin + "RETURNING max(id, 3), (SELECT count(*) FROM t) AS n") ==
        "*2\nmax(id, 3)|n\n3|0");
}

// --- ON CONFLICT ---

TEST_CASE("ON CONFLICT leaves a row out, or changes the one that is there") {
  TestDb db;
  db.run("CREATE TABLE words (word TEXT PRIMARY KEY, count INT DEFAULT 1, code INT UNIQUE)");
  const std::string add = " ON CONFLICT (word) DO UPDATE SET count = count + excluded.count";
  CHECK(db.run("INSERT INTO words (word) VALUES ('a'), ('b'), ('a')" + add + " RETURNING *") ==
        "*4\nword|count|code\na|1|(nil)\nb|1|(nil)\na|2|(nil)");
  CHECK(db.run("INSERT INTO words (word, count) SELECT word, 10 FROM words WHERE true" + add) ==
        "2");
  CHECK(db.run("INSERT INTO words VALUES ('a', 0, 0)" + add + " WHERE words.count > 100") == "0");
  CHECK(db.run("INSERT INTO words VALUES ('a', 0, 0) ON CONFLICT DO NOTHING RETURNING word") ==
        "*1\nword");
  CHECK(db.run("SELECT * FROM words ORDER BY word") ==
        "*3\nword|count|code\na|12|(nil)\nb|11|(nil)");
  CHECK(db.run("INSERT INTO words VALUES ('c', 1, 7)") == "1");
  // Each key has its own.
  CHECK(
      db.run("INSERT INTO words AS w VALUES ('a', 5, 7) ON CONFLICT (code) DO UPDATE SET (word, "
             "count) = ('C', (SELECT max(count) FROM words) + excluded.count + w.code) ON CONFLICT "
             "(word) DO NOTHING") == "1");
  CHECK(db.run("SELECT word, count FROM words WHERE code = 7") == "*2\nword|count\nC|24");
  // A key that no clause is about, and one that the change itself would take.
  CHECK(has(db.run("INSERT INTO words VALUES ('z', 1, 7) ON CONFLICT (word) DO NOTHING"),
            "duplicate key in unique index words_code of table words: code = 7"));
  CHECK(
      has(db.run("INSERT INTO words VALUES ('a', 1, 9) ON CONFLICT (word) DO UPDATE SET code = 7"),
          "duplicate key in unique index words_code of table words: code = 7"));
  CHECK(db.run("SELECT count(*) FROM words") == "*2\ncount(*)\n3");
}

TEST_CASE("ON CONFLICT says what it does not know, and takes parameters in their order") {
  TestDb db;
  db.run("CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, UNIQUE (b, c))");
  const std::string begin = "INSERT INTO t VALUES (1, 2, 3) ON CONFLICT ";
  CHECK(has(db.run(begin + "(b) DO NOTHING"),
            "names no PRIMARY KEY and no UNIQUE columns of table t"));
  CHECK(has(db.run(begin + "(d) DO NOTHING"), "unknown column: d"));
  CHECK(has(db.run(begin + "DO NOTHING ON CONFLICT (a) DO NOTHING"), "only the last"));
  CHECK(has(db.run(begin + "(a) WHERE b > 0 DO NOTHING"), "there are no partial indexes"));
  CHECK(has(db.run(begin + "(a) DO UPDATE SET d = 1"), "unknown column: d"));
  CHECK(has(db.run(begin + "(a) DO UPDATE SET b = excluded.d"), "unknown column: d"));
  CHECK(has(db.run(begin + "(a) DO UPDATE SET b = 1 FROM t"),
            "syntax error at position 68 near 'FROM'"));
  CHECK(has(db.run("UPDATE t SET a = 1 ON CONFLICT (a) DO NOTHING"), "ON CONFLICT is for INSERT"));
  CHECK(db.run(begin + "(c, b) DO NOTHING") == "1");
  CHECK(
      run_words(db, db.session(), protocol::Framing::line,
                {"INSERT INTO t VALUES (?, :x, ?1) ON CONFLICT (a) DO UPDATE SET b = b + ?, c = :x "
                 "WHERE c = ?5 RETURNING ?, *",
                 "PARAMS", "[1, 20, 100, 9, 3, 6]"}) == "*2\n?6|a|b|c\n6|1|102|20\n");
}

TEST_CASE("sixteen connections that count by ON CONFLICT lose nothing") {
  TestDb db;
  db.run("CREATE TABLE c (id INT PRIMARY KEY, n INT)");
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      TestSession session(db.database(), static_cast<std::uint64_t>(i) + 10);
      for (int j = 0; j < 100; ++j)
        if (session.run("INSERT INTO c VALUES (1, 1), (" + std::to_string(10 + j % 3) +
                        ", 1) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n") != "2")
          ++failed;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(db.run("SELECT n FROM c WHERE id = 1") == "*2\nn\n1600");
  CHECK(db.run("SELECT sum(n) FROM c") == "*2\nsum(n)\n3200");
}

TEST_CASE("ON CONFLICT with a row that a transaction does not see is a write conflict") {
  TestDb db;
  TestSession other(db.database(), 2);
  db.run("CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, n INT)");
  CHECK(db.run("BEGIN") == "OK");
  CHECK(other.run("INSERT INTO t VALUES (1, 5, 0)") == "1");
  CHECK(has(db.run("INSERT INTO t VALUES (2, 5, 0) ON CONFLICT (u) DO UPDATE SET n = n + 1"),
            "write conflict, retry the transaction"));
  CHECK(db.run("ROLLBACK") == "OK");
  CHECK(db.run("INSERT INTO t VALUES (2, 5, 0) ON CONFLICT (u) DO UPDATE SET n = n + 1") == "1");
}

// --- OR … ---

TEST_CASE("OR FAIL keeps the rows before the one that fails, OR ROLLBACK ends the transaction") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, n INT CHECK (n > 0))");
  CHECK(has(db.run("INSERT OR FAIL INTO t VALUES (1, 1), (2, 2), (1, 3), (4, 4)"), "duplicate"));
  CHECK(db.run("SELECT id FROM t ORDER BY id") == "*3\nid\n1\n2");
  CHECK(has(db.run("INSERT OR FAIL INTO t SELECT id + 4, 2 - id FROM t ORDER BY id"), "check"));
  CHECK(db.run("SELECT changes()") == "*2\nchanges()\n1");
  CHECK(has(db.run("UPDATE OR FAIL t SET id = 7 WHERE id >= 2"), "duplicate"));
  CHECK(db.run("SELECT id FROM t ORDER BY id") == "*4\nid\n1\n5\n7");
  // In a transaction the same, and it goes on.
  CHECK(db.run("BEGIN") == "OK");
  CHECK(has(db.run("INSERT OR FAIL INTO t VALUES (8, 1), (8, 1)"), "duplicate"));
  CHECK(db.run("COMMIT") == "OK");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n4");
  CHECK(db.run("BEGIN") == "OK");
  CHECK(db.run("INSERT INTO t VALUES (9, 1)") == "1");
  CHECK(has(db.run("INSERT OR ROLLBACK INTO t VALUES (10, 1), (9, 1)"), "duplicate"));
  CHECK(db.run("COMMIT") == "ERROR: no transaction is open");
  CHECK(db.run("BEGIN") == "OK");
  CHECK(has(db.run("UPDATE OR ROLLBACK t SET n = 0"), "check"));
  CHECK(db.run("ROLLBACK") == "ERROR: no transaction is open");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n4");
}

TEST_CASE("UPDATE OR IGNORE and OR REPLACE go row by row, in the order of the key") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE)");
  db.run("INSERT INTO t VALUES (3, 30), (1, 10), (2, 20)");
  CHECK(db.run("UPDATE OR IGNORE t SET u = 20") == "1");  // of 2, which has it
  CHECK(db.run("UPDATE OR REPLACE t SET u = 7 RETURNING id") == "*4\nid\n1\n2\n3");
  CHECK(db.run("SELECT * FROM t") == "*2\nid|u\n3|7");
  CHECK(db.run("SELECT total_changes()") == "*2\ntotal_changes()\n7");
}

// --- counts ---

TEST_CASE("last_insert_rowid, changes and total_changes are the session's") {
  TestDb db;
  TestSession other(db.database(), 2);
  db.run("CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT)");
  db.run("CREATE TABLE hidden (n INT)");
  db.run("CREATE TABLE named (name TEXT PRIMARY KEY)");
  CHECK(db.run("INSERT INTO t (n) VALUES (1), (2)") == "2");
  CHECK(other.run("INSERT INTO t VALUES (50, 3)") == "1");
  const std::string counts = "SELECT last_insert_rowid(), changes(), total_changes()";
  const std::string head = "*2\nlast_insert_rowid()|changes()|total_changes()\n";
  CHECK(db.run(counts) == head + "2|2|2");
  CHECK(other.run(counts) == head + "50|1|1");
  CHECK(db.run("UPDATE t SET n = 0") == "3");
  CHECK(db.run("INSERT INTO named VALUES ('x')") == "1");  // it has no such number
  CHECK(db.run(counts) == head + "2|1|6");
  CHECK(has(db.run("INSERT INTO named VALUES ('x')"), "duplicate"));
  CHECK(db.run(counts) == head + "2|0|6");
  CHECK(db.run("INSERT INTO hidden VALUES (5), (6), (7)") == "3");
  CHECK(db.run(counts) == head + "3|3|9");
  // What a transaction inserts counts at once.
  CHECK(db.run("BEGIN") == "OK");
  CHECK(db.run("INSERT INTO t (n) SELECT last_insert_rowid()") == "1");
  CHECK(db.run("ROLLBACK") == "OK");
  CHECK(db.run(counts) == head + "51|1|10");
}

TEST_CASE("a rowid is the key of one whole number, and is refused of others") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  db.run("CREATE TABLE named (name TEXT PRIMARY KEY)");
  CHECK(db.run("INSERT INTO t (rowid, n) VALUES (7, 1)") == "1");
  CHECK(db.run("INSERT INTO t (n, oid) SELECT n, 8 FROM t") == "1");
  CHECK(db.run("UPDATE t SET _rowid_ = 9 WHERE id = 8") == "1");
  CHECK(db.run("SELECT * FROM t ORDER BY id") == "*3\nid|n\n7|1\n9|1");
  CHECK(has(db.run("INSERT INTO named (rowid, name) VALUES (7, 'x')"), "table named has no rowid"));
}

// --- foreign keys ---

TEST_CASE("CASCADE, SET NULL and SET DEFAULT go through all levels, in one statement") {
  TestDb db;
  db.run("CREATE TABLE a (id INT PRIMARY KEY)");
  CHECK(db.run("CREATE TABLE b (id INT PRIMARY KEY, a INT REFERENCES a ON DELETE CASCADE ON UPDATE "
               "CASCADE)") == "OK");
  CHECK(db.run(
            "CREATE TABLE c (b INT DEFAULT 0 REFERENCES b (id) ON DELETE SET DEFAULT ON UPDATE SET "
            "NULL, a INT CONSTRAINT why REFERENCES a ON DELETE RESTRICT ON UPDATE NO ACTION)") ==
        "OK");
  db.run("INSERT INTO a VALUES (0), (1), (2)");
  db.run("INSERT INTO b VALUES (0, 0), (10, 1), (11, 1), (20, 2)");
  db.run("INSERT INTO c VALUES (10, NULL), (20, NULL), (20, 0)");
  CHECK(db.run("UPDATE a SET id = id + 1") ==
        "ERROR: a row of table c refers to the row of table a with id = 0");
  // Keys change places, and what refers to them follows.
  CHECK(db.run("UPDATE a SET id = 3 - id WHERE id > 0") == "2");
  CHECK(db.run("SELECT * FROM b ORDER BY id") == "*5\nid|a\n0|0\n10|2\n11|2\n20|1");
  CHECK(db.run("DELETE FROM a WHERE id = 2 RETURNING id") == "*2\nid\n2");
  CHECK(db.run("SELECT changes(), total_changes()") == "*2\nchanges()|total_changes()\n1|19");
  CHECK(db.run("SELECT * FROM b ORDER BY id") == "*3\nid|a\n0|0\n20|1");
  CHECK(db.run("SELECT * FROM c ORDER BY b") == "*4\nb|a\n0|(nil)\n20|(nil)\n20|0");
  CHECK(db.run("UPDATE b SET id = 21 WHERE id = 20") == "1");
  CHECK(db.run("SELECT count(*) FROM c WHERE b IS NULL") == "*2\ncount(*)\n2");
  CHECK(has(db.run("DELETE FROM a"), "a row of table c refers to the row of table a with id = 0"));
  CHECK(db.run("DESCRIBE b") ==
        "*3\ncolumn|type|null|key|default\nid|INT|NO|PRIMARY|(nil)\n"
        "a|INT|YES|REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE|(nil)");
}

TEST_CASE("a tree of rows that refer to their own table goes with its root, however deep") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY, up INT REFERENCES t ON DELETE CASCADE)");
  db.run("INSERT INTO t VALUES (0, NULL)");
  db.run(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO "
      "t SELECT i, i - 1 FROM n");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n3001");
  CHECK(db.run("DELETE FROM t WHERE id = 1") == "1");
  CHECK(db.run("SELECT * FROM t") == "*2\nid|up\n0|(nil)");
}

TEST_CASE(
    "a row that comes to refer to one that a cascade removes is removed with it, or refused") {
  TestDb db;
  db.run("CREATE TABLE p (id INT PRIMARY KEY)");
  db.run(
      "CREATE TABLE c (id INT PRIMARY KEY AUTO_INCREMENT, p INT REFERENCES p ON DELETE CASCADE)");
  // In a transaction what others add since is a conflict.
  db.run("INSERT INTO p VALUES (1)");
  TestSession other(db.database(), 2);
  CHECK(db.run("BEGIN") == "OK");
  CHECK(db.run("DELETE FROM p") == "1");
  CHECK(other.run("INSERT INTO c (p) VALUES (1)") == "1");
  CHECK(db.run("COMMIT") == "ERROR: write conflict, retry the transaction");
  CHECK(db.run("DELETE FROM p") == "1");
  CHECK(db.run("SELECT count(*) FROM c") == "*2\ncount(*)\n0");
  // Alone, the statement sees them in its next attempt.
  std::atomic<bool> ends = false;
  std::atomic<int> odd = 0;
  std::thread adds([&] {
    TestSession session(db.database(), 3);
    while (!ends) {
      const std::string reply = session.run("INSERT INTO c (p) VALUES (1)");
      if (reply != "1" && !has(reply, "no row of table p")) ++odd;
    }
  });
  for (int i = 0; i < 300; ++i) {
    if (db.run("INSERT INTO p VALUES (1)") != "1") ++odd;
    if (db.run("DELETE FROM p") != "1") ++odd;
  }
  ends = true;
  adds.join();
  CHECK(odd == 0);
  CHECK(db.run("SELECT count(*) FROM c") == "*2\ncount(*)\n0");
}

TEST_CASE("what foreign keys do is logged, and known after a restart") {
  support::TemporaryDirectory directory;
  {
    TestDb db(TestDb::with_log(directory.path()));
    db.run("CREATE TABLE p (id INT PRIMARY KEY)");
    db.run("CREATE TABLE c (p INT REFERENCES p ON DELETE SET NULL)");
    db.run("INSERT INTO p VALUES (1), (2)");
    db.run("INSERT INTO c VALUES (1), (2)");
    CHECK(db.run("DELETE FROM p WHERE id = 1") == "1");
    REQUIRE(db.database().close(false));
  }
  TestDb db(TestDb::with_log(directory.path()));
  CHECK(db.run("SELECT p FROM c ORDER BY p") == "*3\np\n(nil)\n2");
  CHECK(db.run("DELETE FROM p") == "1");
  CHECK(db.run("SELECT count(*) FROM c WHERE p IS NULL") == "*2\ncount(*)\n2");
}

// --- names ---

TEST_CASE("names may be any text in quotes, and letters of any language without") {
  TestDb db;
  CHECK(
      db.run("CREATE TABLE 사용자 (번호 INT PRIMARY KEY AUTO_INCREMENT, 이름 TEXT NOT NULL DEFAULT "
             "'없음' CHECK (사용자.이름 <> '' AND \"사용자\".번호 > 0))") == "OK");
  CHECK(db.run("INSERT INTO 사용자 (이름) VALUES ('김') RETURNING 번호") == "*2\n번호\n1");
  CHECK(has(db.run("INSERT INTO 사용자 (이름) VALUES ('')"), "check constraint of table 사용자"));
  CHECK(db.run("SELECT 이름 FROM 사용자 WHERE 번호 = 1") == "*2\n이름\n김");
  CHECK(
      db.run(
          "CREATE TABLE \"a b\"\"c, d\" ([select] INT PRIMARY KEY, `x-y` INT DEFAULT 5 REFERENCES "
          "사용자 (번호) ON DELETE CASCADE, \"p.q(\" TEXT UNIQUE, CHECK (\"a b\"\"c, d\".`x-y` < "
          "10))") == "OK");
  const std::string table = "\"a b\"\"c, d\"";
  CHECK(db.run("INSERT INTO " + table +
               " VALUES (1, 1, 'z') ON CONFLICT (\"p.q(\") DO UPDATE SET "
               "\"p.q(\" = excluded.\"p.q(\" || " +
               table + ".[select] RETURNING \"select\"") == "*2\nselect\n1");
  CHECK(db.run("INSERT INTO " + table +
               " VALUES (2, 1, 'z') ON CONFLICT (\"p.q(\") DO UPDATE SET "
               "\"p.q(\" = excluded.\"p.q(\" || " +
               table + ".[select]") == "1");
  CHECK(db.run("SELECT \"p.q(\" FROM " + table + " WHERE `select` = 1") == "*2\np.q(\nz1");
  CHECK(db.run("UPDATE " + table + " SET `x-y` = `x-y` WHERE [select] > 0") == "1");
  CHECK(db.run("DESCRIBE " + table) ==
        "*4\ncolumn|type|null|key|default\nselect|INT|NO|PRIMARY|(nil)\n"
        "x-y|INT|YES|REFERENCES 사용자 ON DELETE CASCADE|5\np.q(|TEXT|YES|UNIQUE|(nil)");
  CHECK(db.run("CREATE INDEX \"by, x\" ON " + table + " (`x-y` DESC, \"p.q(\")") == "OK");
  CHECK(has(db.run("SHOW INDEXES FROM " + table), "by, x|x-y DESC, p.q("));
  CHECK(db.run("DROP INDEX \"by, x\"") == "OK");
  CHECK(db.run("ALTER TABLE " + table + " RENAME COLUMN `x-y` TO \"누구\"") == "OK");
  CHECK(db.run("ALTER TABLE " + table +
               " ADD COLUMN \"새 열\" INT DEFAULT 1 CHECK (\"새 열\" > 0)") == "OK");
  CHECK(has(db.run("UPDATE " + table + " SET 누구 = 11"), "check constraint"));
  CHECK(db.run("ALTER TABLE " + table + " RENAME TO order") == "OK");
  CHECK(has(db.run("UPDATE \"order\" SET 누구 = 11"), "check constraint"));
  CHECK(db.run("SELECT count(*) FROM \"order\" WHERE \"새 열\" = 1") == "*2\ncount(*)\n1");
  CHECK(db.run("ALTER TABLE \"order\" RENAME COLUMN \"새 열\" TO b") == "OK");
  CHECK(db.run("DELETE FROM 사용자") == "1");
  CHECK(db.run("SELECT count(*) FROM \"order\"") == "*2\ncount(*)\n0");
  CHECK(has(db.run("SELECT * FROM 사용"), "unknown table: 사용"));
  CHECK(db.run("DROP TABLE \"order\"") == "OK");
  for (const char* name : {"\"\"", "\"KIMDB_x\"", "[sqlite_a]", "\"a\tb\""})
    CHECK(has(db.run(std::string("CREATE TABLE ") + name + " (a INT)"), "ERROR"));
}

TEST_CASE("a table's checks may name it, and know its new name") {
  TestDb db;
  CHECK(db.run("CREATE TABLE t (t INT CHECK (t.t > 0), b INT CHECK (T.b < t.t))") == "OK");
  CHECK(db.run("INSERT INTO t VALUES (2, 1)") == "1");
  CHECK(has(db.run("INSERT INTO t VALUES (0, 0)"), "check"));
  CHECK(db.run("ALTER TABLE t RENAME TO u") == "OK");
  CHECK(db.run("ALTER TABLE u RENAME COLUMN t TO \"x y\"") == "OK");
  CHECK(db.run("INSERT INTO u VALUES (3, 1)") == "1");
  CHECK(has(db.run("INSERT INTO u VALUES (2, 2)"), "does not hold: \"u\".b < \"u\".\"x y\""));
}

// --- several statements ---

TEST_CASE("several statements run in order, and each has its answer in a list") {
  TestDb db;
  CHECK(
      db.run(
          "CREATE TABLE t (id INT PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, 'a;b'), (2, ''); "
          "SELECT s FROM t WHERE id = 1; -- nothing; at all") == "*3\nOK\n2\n*2\ns\na;b");
  CHECK(run_words(db, db.session(), protocol::Framing::resp,
                  {"BEGIN; UPDATE t SET s = 'x' RETURNING id; COMMIT"}) ==
        "*3\r\n+OK\r\n*2\r\n*2\r\n$2\r\nid\r\n:1\r\n*2\r\n$2\r\nid\r\n:2\r\n+OK\r\n");
  CHECK(db.run("SELECT 1 AS a;") == "*2\na\n1");
  CHECK(run_words(db, db.session(), protocol::Framing::line, {"; ;SELECT 1 AS a; ;"}) ==
        "*2\na\n1\n");
}

TEST_CASE("the first statement that fails ends all, and a transaction that they have begun") {
  TestDb db;
  db.run("CREATE TABLE t (id INT PRIMARY KEY)");
  CHECK(
      db.run("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2), (1); INSERT INTO t VALUES (3)") ==
      "ERROR: statement 2 of 3: duplicate primary key in table t: id = 1 (in 'INSERT INTO t VALUES "
      "(2), (1)'; 1 before it done)");
  CHECK(db.run("SELECT id FROM t") == "*2\nid\n1");
  CHECK(
      db.run("INSERT INTO t VALUES (4); BEGIN; INSERT INTO t VALUES (5); SELECT * FROM nowhere") ==
      "ERROR: statement 4 of 4: unknown table: nowhere (in 'SELECT * FROM nowhere'; 1 before it "
      "done)");
  CHECK(db.run("COMMIT") == "ERROR: no transaction is open");
  CHECK(db.run("SELECT id FROM t ORDER BY id") == "*3\nid\n1\n4");
  // One that was open before stays, as after any statement that fails.
  CHECK(db.run("BEGIN") == "OK");
  CHECK(has(db.run("INSERT INTO t VALUES (6); INSERT INTO t VALUES (6)"), "statement 2 of 2"));
  CHECK(db.run("COMMIT") == "OK");
  CHECK(db.run("SELECT count(*) FROM t") == "*2\ncount(*)\n3");
  CHECK(run_words(db, db.session(), protocol::Framing::line, {"SELECT ?; SELECT 2", "ARGS", "1"}) ==
        "ERROR: parameters go with a single statement\n");
}

}  // namespace kimdb::database
