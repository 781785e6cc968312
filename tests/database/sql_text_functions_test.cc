// kimdb's own functions over texts beside SQLite's.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "database/sql/sqlite.h"
#include "database/sql/text_functions.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database::sql {

namespace {

SqlitePointer open_sqlite() {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(":memory:", &database) == SQLITE_OK);
  return SqlitePointer(database);
}

// Type and value of an expression over parameters.
std::string evaluate(sqlite3* database, const std::string& expression,
                     const std::vector<engine::SqlValue>& values) {
  const std::string sql = "SELECT typeof(x), hex(x) FROM (SELECT " + expression + " AS x)";
  sqlite3_stmt* prepared = nullptr;
  REQUIRE(sqlite3_prepare_v2(database, sql.c_str(), -1, &prepared, nullptr) == SQLITE_OK);
  const StatementPointer statement(prepared);
  for (std::size_t i = 0; i < values.size(); ++i)
    bind_value(prepared, static_cast<int>(i + 1), values[i]);
  if (sqlite3_step(prepared) != SQLITE_ROW) return sqlite3_errmsg(database);
  return std::string(column_of(prepared, 0).bytes) + " " +
         std::string(column_of(prepared, 1).bytes);
}

}  // namespace

TEST_CASE("functions over texts give what SQLite's give") {
  const SqlitePointer plain = open_sqlite(), own = open_sqlite();
  register_text_functions(own.get());
  SeededRandom random(support::test_seed("functions over texts give what SQLite's give"));
  // Characters of one to four bytes, pieces of some, and NUL.
  const std::vector<std::string> pieces = {
      "a",    "b",    " ",    "\xc3\xa4",          "\xe2\x82\xac", "\xf0\x9f\x98\x80",
      "\xc3", "\xa4", "\x80", std::string(1, '\0')};
  std::vector<std::string> texts;
  const auto text = [&](std::uint64_t length, std::size_t kinds) -> std::string_view {
    std::string made;
    for (std::uint64_t i = random.below(length); i > 0; --i) made += pieces[random.below(kinds)];
    return texts.emplace_back(std::move(made));
  };
  const auto value = [&](std::uint64_t length, std::size_t kinds) {
    switch (random.below(12)) {
      case 0:
        return engine::SqlValue();
      case 1:
        return engine::SqlValue::of(static_cast<std::int64_t>(random.below(1200)));
      case 2:
        return engine::SqlValue::blob(text(length, kinds));
      default:
        return engine::SqlValue::text(text(length, kinds));
    }
  };
  const support::TestDeadline deadline(2);
  do {
    texts.clear();
    texts.reserve(3);  // what is given points into them
    const std::size_t kinds = random.below(2) == 0 ? 6 : pieces.size();  // of characters, of all
    const std::vector<engine::SqlValue> values = {value(12, kinds), value(4, kinds),
                                                  value(4, kinds)};
    for (const char* expression :
         {"instr(?1, ?2)", "replace(?1, ?2, ?3)", "trim(?1, ?2)", "ltrim(?1, ?2)", "rtrim(?1, ?2)",
          "instr(?1, 1)", "replace(?1, 1, ?2)", "trim(?1)"}) {
      CAPTURE(expression);
      REQUIRE(evaluate(own.get(), expression, values) == evaluate(plain.get(), expression, values));
    }
  } while (!deadline.passed());
}

TEST_CASE("a function over long texts takes no time that grows with their product") {
  support::TestDb db;
  // Of zeros alone, one with a digit behind them that the other does not have.
  const std::string text = "hex(zeroblob(2000000))", part = "(hex(zeroblob(1000000)) || '1')";
  CHECK(db.run("SELECT instr(" + text + ", " + part + ") AS n") == "*2\nn\n0");
  CHECK(db.run("SELECT length(replace(" + text + ", " + part + ", 'c')) AS n") == "*2\nn\n4000000");
  CHECK(db.run("SELECT length(trim(" + text + ", 'abcdefghijklmnopqrstuvwxyz0')) AS n") ==
        "*2\nn\n0");
  CHECK(db.run("SELECT trim('a', hex(zeroblob(501)))") ==
        "ERROR: trim: more than 1000 bytes of characters");
}

}  // namespace kimdb::database::sql
