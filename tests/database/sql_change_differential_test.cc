// Random INSERT, UPDATE and DELETE with OR …, ON CONFLICT, RETURNING and foreign keys that act do
// what they do to SQLite's own tables, and say the same.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "tests/database/native_tables.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database::sql {
namespace {

bool is_error(const std::string& reply) { return reply.starts_with("ERROR"); }

// Both, side by side.
class Pair {
 public:
  explicit Pair(std::vector<std::string> tables) : tables_(std::move(tables)) {}

  void define(const std::string& kimdb, const std::string& native) {
    REQUIRE(kimdb_.run(kimdb) == "OK");
    REQUIRE(native_.run(native) == "OK");
  }
  // True where it was done.
  bool run(const std::string& sql) {
    history_ += sql + "\n";
    CAPTURE(history_);
    const std::string ours = rows_of_lines(kimdb_.run(sql)), theirs = native_.run(sql);
    CAPTURE(ours);
    CAPTURE(theirs);
    REQUIRE(is_error(ours) == is_error(theirs));
    if (!is_error(ours)) REQUIRE(ours == theirs);
    if (compares_counts) same("SELECT changes()");
    if (compares_counts && !is_error(ours)) same("SELECT last_insert_rowid(), total_changes()");
    for (const std::string& table : tables_) same("SELECT * FROM " + table);
    return !is_error(ours);
  }
  void same(const std::string& query) {
    CAPTURE(query);
    const std::string ours = rows_of_lines(kimdb_.run(query)), theirs = native_.run(query);
    CAPTURE(ours);
    CAPTURE(theirs);
    REQUIRE(ours == theirs);
  }
  bool compares_counts = true;

 private:
  support::TestDb kimdb_;
  NativeTables native_;
  std::vector<std::string> tables_;
  std::string history_;
};

class Changes {
 public:
  explicit Changes(Random& random) : random_(random) {}

  std::string next() {
    switch (random_.below(12)) {
      case 0:
        return "DELETE FROM t WHERE " + condition() + returning();
      case 1:
      case 2:
        return "UPDATE " + or_words() + "t SET " + set("") + " WHERE id = " + number(6) +
               returning();
      case 3: {  // row by row, in the order of the key
        constexpr const char* kRowByRow[] = {"OR IGNORE ", "OR REPLACE ", "OR FAIL "};
        return std::string("UPDATE ") + kRowByRow[random_.below(3)] + "t SET " + set("") +
               " WHERE +d " + (random_.below(2) == 0 ? ">= " : "<> ") + number(4) + returning();
      }
      default:
        return insert();
    }
  }

 private:
  std::string number(std::uint64_t below) { return std::to_string(random_.below(below)); }
  std::string or_null(const std::string& value) { return random_.below(6) == 0 ? "NULL" : value; }
  std::string text() {
    return "'" + std::string(1, static_cast<char>('u' + random_.below(5))) + "'";
  }
  std::string condition() {
    return random_.below(2) == 0 ? "id = " + number(6) : "+d = " + number(4);
  }
  std::string or_words() {
    constexpr const char* kWords[] = {"",         "",          "OR IGNORE ",  "OR REPLACE ",
                                      "OR FAIL ", "OR ABORT ", "OR ROLLBACK "};
    return kWords[random_.below(std::size(kWords))];
  }
  std::string returning() {
    constexpr const char* kLists[] = {"",
                                      "",
                                      " RETURNING *",
                                      " RETURNING id, b AS named",
                                      " RETURNING a + c, upper(b), t.d",
                                      " RETURNING id, *"};
    return kLists[random_.below(std::size(kLists))];
  }
  // `excluded`: "excluded.", or nothing where there is none.
  std::string set(const std::string& excluded) {
    const auto source = [&](const std::string& column, const std::string& literal) {
      if (!excluded.empty() && random_.below(2) == 0) return excluded + column;
      return literal;
    };
    switch (random_.below(7)) {
      case 0:
        return "a = " + source("a", or_null(number(6)));
      case 1:
        return "b = " + source("b", or_null(text()));
      case 2:
        return "c = " + source("c", "c + 1");
      case 3:
        return "id = " + source("id", number(8));
      case 4:
        return "(c, d) = (" + source("d", "t.d") + ", " + source("c", number(4)) + ")";
      case 5:
        return "c = NULL, d = d + 1";
      default:
        return "d = " + source("d", "d + " + number(3)) + ", a = a + 1";
    }
  }
  std::string insert() {
    const bool replaces = random_.below(8) == 0;
    std::string sql = replaces ? "REPLACE INTO t" : "INSERT " + or_words() + "INTO t";
    const bool computed = random_.below(3) == 0;
    const std::string columns = random_.below(3) == 0 ? " (id, a, d)" : " (d, c, b, a, id)";
    sql += columns + (computed ? " SELECT " : " VALUES ");
    for (std::uint64_t rows = 1 + random_.below(4); rows > 0; --rows) {
      std::string row = columns == " (id, a, d)"
                            ? number(8) + ", " + or_null(number(6)) + ", " + number(4)
                            : number(4) + ", " + or_null(number(10)) + ", " + or_null(text()) +
                                  ", " + or_null(number(6)) + ", " + number(8);
      sql += computed ? row + (rows > 1 ? " UNION ALL SELECT " : " FROM one WHERE true")
                      : "(" + row + ")" + (rows > 1 ? ", " : "");
    }
    return sql + (replaces ? "" : conflicts()) + returning();
  }
  std::string conflicts() {
    if (random_.below(3) == 0) return "";
    std::vector<std::string> targets = {"(id)", "(a)", "(b)", "(d, c)"};
    std::string sql;
    for (std::uint64_t clauses = 1 + random_.below(2); clauses > 0; --clauses) {
      const std::size_t at = random_.below(targets.size());
      // The last one may be for all that is left.
      const bool all = clauses == 1 && random_.below(4) == 0;
      sql += " ON CONFLICT " + (all ? std::string() : targets[at]) + " DO ";
      targets.erase(targets.begin() + static_cast<std::ptrdiff_t>(at));
      if (random_.below(3) == 0) {
        sql += "NOTHING";
        continue;
      }
      sql += "UPDATE SET " + set("excluded.");
      if (random_.below(3) != 0) continue;
      sql += " WHERE t.d <= excluded.d";
      if (random_.below(3) == 0) sql += " AND (excluded.c IS NOT NULL OR b = 'u')";
    }
    return sql;
  }

  Random& random_;
};

}  // namespace

TEST_CASE("changes with OR, ON CONFLICT and RETURNING do what SQLite does to its own tables") {
  SeededRandom random(support::test_seed(
      "changes with OR, ON CONFLICT and RETURNING do what SQLite does to its own tables"));
  const support::TestDeadline deadline(5);
  int done = 0, refused = 0;
  do {
    Pair pair({"t"});
    const std::string table =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT UNIQUE, b TEXT UNIQUE, c INT NOT NULL "
        "DEFAULT 3 CHECK (t.c < 8), d INT, UNIQUE (c, d))";
    pair.define(table, table);
    const std::string one = "CREATE TABLE one (n INTEGER PRIMARY KEY)";
    pair.define(one, one);
    Changes changes(random);
    bool in_transaction = false;
    for (int i = 0; i < 120; ++i) {
      if (random.below(8) == 0) {
        pair.run(in_transaction ? (random.below(2) == 0 ? "COMMIT" : "ROLLBACK") : "BEGIN");
        in_transaction = !in_transaction;
        continue;
      }
      const std::string sql = changes.next();
      const bool is_done = pair.run(sql);
      ++(is_done ? done : refused);
      // A statement that has failed has inserted rows in SQLite, one after the other, and removed
      // them again: the last one of them is told as well.
      if (!is_done) pair.run("REPLACE INTO one VALUES (1)");
      if (!is_done && sql.find("OR ROLLBACK") != std::string::npos) {
        // Whether it was ended, both have to say.
        if (in_transaction) in_transaction = pair.run("COMMIT") && false;
      }
    }
  } while (!deadline.passed());
  CHECK(done > 100);
  CHECK(refused > 20);
}

TEST_CASE("foreign keys that act do what SQLite's do") {
  SeededRandom random(support::test_seed("foreign keys that act do what SQLite's do"));
  const support::TestDeadline deadline(5);
  int done = 0, refused = 0;
  const auto action = [&] {
    constexpr const char* kActions[] = {"", " ON DELETE CASCADE", " ON DELETE SET NULL",
                                        " ON DELETE SET DEFAULT", " ON DELETE NO ACTION"};
    constexpr const char* kUpdates[] = {"", " ON UPDATE CASCADE", " ON UPDATE SET NULL",
                                        " ON UPDATE SET DEFAULT", " ON UPDATE CASCADE"};
    return std::string(kActions[random.below(5)]) + kUpdates[random.below(5)];
  };
  do {
    Pair pair({"p", "c", "g"});
    // A row that refers to another one of the same DELETE counts for SQLite as one that followed.
    pair.compares_counts = false;
    // Self, one above another, and by two columns; what is unique is no key.
    const std::vector<std::string> tables = {
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE, v INT, up INT DEFAULT 1 REFERENCES "
        "p" +
            action() + ", UNIQUE (id, v))",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INT DEFAULT 2 REFERENCES p (id)" + action() +
            ", u TEXT REFERENCES p (u)" + action() + ", n INT UNIQUE CHECK (n < 9))",
        // Whether a row that two foreign keys are about must not be NULL depends on their order in
        // SQLite: here it may be.
        "CREATE TABLE g (c INT, p INT, v INT, n INT DEFAULT 1, FOREIGN "
        "KEY (c) REFERENCES c" +
            action() + ", FOREIGN KEY (p, v) REFERENCES p (id, v)" + action() +
            ", FOREIGN KEY (n) REFERENCES c (n)" + action() + ")"};
    for (const std::string& table : tables) pair.define(table, table);
    const auto number = [&](std::uint64_t below) { return std::to_string(random.below(below)); };
    const auto or_null = [&](const std::string& value) {
      return random.below(4) == 0 ? std::string("NULL") : value;
    };
    const auto text = [&] {
      return "'" + std::string(1, static_cast<char>('u' + random.below(4))) + "'";
    };
    const auto next = [&]() -> std::string {
      constexpr const char* kInsert[] = {"INSERT ", "INSERT ", "INSERT OR REPLACE ",
                                         "INSERT OR IGNORE "};
      const std::string insert = kInsert[random.below(4)] + std::string("INTO ");
      switch (random.below(12)) {
        case 0:
          return "DELETE FROM p WHERE id = " + number(5);
        case 1:
          return "DELETE FROM c WHERE id >= " + number(6);
        case 2:
          return "DELETE FROM p WHERE id > " + number(8);
        case 3:
          return "UPDATE p SET id = " + number(5) + " WHERE id = " + number(5);
        case 4:
          return "UPDATE p SET u = " + or_null(text()) + ", v = " + number(2) +
                 " WHERE id = " + number(5);
        case 5:
          return "UPDATE c SET id = " + number(5) + ", n = " + number(10) +
                 " WHERE id = " + number(5);
        case 6:
          return "INSERT INTO p VALUES (" + number(5) + ", " + text() +
                 ", 1, NULL) ON CONFLICT (id) DO UPDATE SET id = id + 1, u = excluded.u";
        case 7:
        case 8:
          // With REPLACE SQLite takes what refers to nothing in its own table.
          return insert + "p VALUES (" + number(5) + ", " + or_null(text()) + ", " + number(2) +
                 ", " +
                 (insert.find("REPLACE") == std::string::npos ? or_null(number(5)) : "NULL") + ")";
        case 9:
        case 10:
          return insert + "c VALUES (" + number(5) + ", " + or_null(number(5)) + ", " +
                 or_null(text()) + ", " + or_null(number(10)) + ")";
        default:
          return insert + "g VALUES (" + number(5) + ", " + or_null(number(5)) + ", " + number(2) +
                 ", " + number(5) + ")";
      }
    };
    bool in_transaction = false;
    for (int i = 0; i < 150; ++i) {
      if (random.below(10) == 0) {
        pair.run(in_transaction ? (random.below(2) == 0 ? "COMMIT" : "ROLLBACK") : "BEGIN");
        in_transaction = !in_transaction;
      } else {
        ++(pair.run(next()) ? done : refused);
      }
    }
  } while (!deadline.passed());
  CHECK(done > 100);
  CHECK(refused > 20);
}

}  // namespace kimdb::database::sql
