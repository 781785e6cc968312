#include "cli/statement_reader.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/support/test_seed.h"

namespace kimdb::cli {
namespace {

using Commands = std::vector<Words>;

// What ends in the lines; what stays open stands last, as {"open"}, an error as {"refused"}.
Commands read(const std::vector<std::string>& lines) {
  StatementReader reader;
  Commands commands;
  for (const std::string& line : lines)
    if (!reader.add(line, commands)) commands.push_back({"refused"});
  if (reader.is_open()) commands.push_back({"open"});
  return commands;
}
Words sql(std::string text) { return {"SQL", std::move(text)}; }
const Commands kOpen = {{"open"}};

TEST_CASE("a statement goes on over lines until its semicolon") {
  CHECK(read({"DELETE FROM orders", "WHERE id = 4;"}) ==
        Commands{sql("DELETE FROM orders\nWHERE id = 4")});
  CHECK(read({"DELETE FROM orders"}) == kOpen);
  CHECK(read({"DELETE FROM orders", ""}) == kOpen);
  CHECK(read({"SELECT", "  1", ";"}) == Commands{sql("SELECT\n  1")});
  CHECK(read({"delete", "from t;"}) == Commands{sql("delete\nfrom t")});
  CHECK(read({"ACK synced INSERT INTO t", "VALUES (1);"}) ==
        Commands{{"ACK", "synced", "SQL", "INSERT INTO t\nVALUES (1)"}});
  CHECK(read({"SQL SELECT 1", ";"}) == Commands{sql("SELECT 1")});
}

TEST_CASE("what no line could continue needs no semicolon") {
  for (const char* line :
       {"BEGIN", "begin transaction", "START TRANSACTION", "COMMIT", "ROLLBACK", "SHOW TABLES",
        "SHOW STATUS", "DESCRIBE t", "desc \"t u\"", "SHOW COLUMNS FROM t", "SHOW INDEXES FROM t"})
    CHECK(read({line}) == Commands{sql(line)});
  for (const char* line :
       {"SELECT 1 FROM t", "UPDATE t SET a = 1", "INSERT INTO t VALUES (1)", "DELETE FROM t",
        "DROP TABLE t", "CREATE TABLE t (a INT)", "VACUUM", "START", "SHOW", "SHOW INDEXES",
        "DESCRIBE", "DESCRIBE t.", "EXPLAIN SELECT 1", "REPLACE INTO t VALUES (1)", "VALUES (1)",
        "WITH a AS (SELECT 1) SELECT * FROM a", "ALTER TABLE t RENAME TO u"})
    CHECK(read({line}) == kOpen);
}

TEST_CASE("several statements on a line are each its own") {
  CHECK(read({"SELECT 1 FROM a; SELECT 2 FROM b;"}) ==
        Commands{sql("SELECT 1 FROM a"), sql("SELECT 2 FROM b")});
  CHECK(read({"BEGIN; DELETE FROM a", "; COMMIT"}) ==
        Commands{sql("BEGIN"), sql("DELETE FROM a"), sql("COMMIT")});
  CHECK(read({";;"}).empty());
  CHECK(read({"SELECT 1 FROM a; # done", "SELECT 2;"}) ==
        Commands{sql("SELECT 1 FROM a"), sql("SELECT 2")});
  CHECK(read({"SHOW PROCESSLIST;"}) == Commands{{"SHOW", "PROCESSLIST"}});
}

TEST_CASE("where no SQL stands behind a semicolon, nothing that ends in the line is taken") {
  CHECK(read({"DELETE FROM t; WHERE id = 4;"}) == Commands{{"refused"}});
  CHECK(read({"DELETE FROM t", "; SET a 1"}) == Commands{{"refused"}});
  CHECK(read({"SELECT 1 FROM t; GET a", "SELECT 2;"}) == Commands{{"refused"}, sql("SELECT 2")});
}

TEST_CASE("a semicolon in a string, a name or a comment ends nothing") {
  CHECK(read({"SELECT ';' FROM t", "WHERE a = 'it''s;'", "AND \";\" = `;` -- ;",
              "/* ; */ OR [;] = 1;"})
            .size() == 1);
  CHECK(read({"INSERT INTO t VALUES ('a;", "", "b');"}) ==
        Commands{sql("INSERT INTO t VALUES ('a;\n\nb')")});
  CHECK(read({"SELECT 1 -- one;", "+ 2;"}) == Commands{sql("SELECT 1 -- one;\n+ 2")});
  CHECK(read({"SELECT 1 /* ;"}) == kOpen);
  CHECK(read({"SELECT '\\';"}) == Commands{sql("SELECT '\\'")});  // no escape in SQL
}

TEST_CASE("comments before a statement are left out") {
  CHECK(read({"-- made by a tool"}).empty());
  CHECK(read({"/* over", "lines; */", "/**/ -- and"}).empty());
  CHECK(read({"/* a", "b */ DELETE FROM t", "WHERE id = 1;"}) ==
        Commands{sql("DELETE FROM t\nWHERE id = 1")});
  CHECK(read({"/* a */ SET k v"}) == Commands{{"refused"}});
  CHECK(StatementReader::begins("  -- a"));
  CHECK(StatementReader::begins(";"));
}

TEST_CASE("commands that are no SQL begin no statement") {
  for (const char* line : {"SET a 1", "SELECT 3", "SHOW PROCESSLIST", "KILL 3", "", "# SELECT 1;",
                           "SQL", "SQL $5", "SET a {\"b\": 1}", "GET \"unbalanced", "DEL k",
                           "DELETE k", "\"\\x53ELECT\"", "\"\\x44ELETE\" -- a"})
    CHECK_FALSE(StatementReader::begins(line));
  CHECK(StatementReader::begins("#17 SELECT a FROM t"));
  CHECK(StatementReader::begins("SELECT 3;"));
}

TEST_CASE("lines that no command begins with are known") {
  for (const char* line : {"FROM t;", "  where id = 4", ", 5)", "UNION ALL", "ORDER BY a"})
    CHECK(StatementReader::only_goes_on(line));
  for (const char* line : {"SET a = 1", "GET from", "SELECT 1", "VALUES (1)", "", "# where", "*1"})
    CHECK_FALSE(StatementReader::only_goes_on(line));
}

TEST_CASE("an unfinished statement is known, and ends by hand") {
  StatementReader reader;
  Commands commands;
  REQUIRE(reader.add("INSERT INTO t VALUES (1,", commands));
  CHECK(reader.is_unfinished());
  REQUIRE(reader.add("'a')", commands));
  CHECK_FALSE(reader.is_unfinished());
  CHECK(reader.end() == sql("INSERT INTO t VALUES (1,\n'a')"));
  CHECK_FALSE(reader.is_open());
  CHECK(commands.empty());
  REQUIRE(reader.add("/* a comment", commands));
  CHECK(reader.is_unfinished());
  CHECK_FALSE(reader.end());
  REQUIRE(reader.add("SELECT 'a", commands));
  CHECK(reader.in_quotes());
}

// The pieces that decide where a statement ends, drawn at random.
std::string random_text(std::mt19937_64& random) {
  constexpr const char* kPieces[] = {
      ";",     "'", "\"", "`",  "[",        "]",   "--",    "\n",      "/*",
      "*/",    "a", " ",  "''", "END",      "end", "BEGIN", "SELECT ", "CREATE ",
      "TEMP ", "-", "/",  "*",  "TRIGGER ", "x;",  "\n;",   ";END;",   ";\nEND -- a\n;"};
  std::string text = random() % 4 == 0 ? "CREATE TRIGGER t " : "INSERT ";
  for (std::uint64_t i = random() % 12; i-- > 0;) text += kPieces[random() % std::size(kPieces)];
  return text;
}

TEST_CASE("SQLite's own function agrees where a statement ends") {
  std::mt19937_64 random(support::test_seed("statements"));
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_text(random);
    CAPTURE(text);
    // The first semicolon at which SQLite takes what stands before for whole.
    std::size_t end = std::string::npos;
    for (std::size_t at = text.find(';'); at != std::string::npos && end == std::string::npos;
         at = text.find(';', at + 1)) {
      if (sqlite3_complete(text.substr(0, at + 1).c_str()) != 0) end = at;
    }
    StatementReader reader;
    Commands commands;
    std::size_t from = 0;
    // Line by line, but nothing behind the statement.
    const std::string whole = text.substr(0, end == std::string::npos ? end : end + 1);
    while (from <= whole.size()) {
      const std::size_t line_end = std::min(whole.find('\n', from), whole.size());
      REQUIRE(reader.add(whole.substr(from, line_end - from), commands));
      from = line_end + 1;
    }
    if (end == std::string::npos) {
      CHECK(commands.empty());
      CHECK(reader.is_open());
      continue;
    }
    CHECK_FALSE(reader.is_open());
    REQUIRE(commands.size() == 1);
    CHECK(text.starts_with(commands[0][1]));
  }
}

}  // namespace
}  // namespace kimdb::cli
