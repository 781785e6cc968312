// The statements that are kimdb's own, and what goes to SQLite.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "database/sql/parser.h"
#include "database/sql/tokenizer.h"
#include "tests/support/test_seed.h"

namespace kimdb::database::sql {

namespace {

using engine::ColumnType;

template <class T>
T parsed(std::string_view text) {
  auto statement = parse_statement(text);
  REQUIRE_MESSAGE(statement, statement.error().message);
  REQUIRE(std::holds_alternative<T>(*statement));
  return std::get<T>(std::move(*statement));
}

std::string wrong(std::string_view text) {
  const auto statement = parse_statement(text);
  return statement ? "nothing" : statement.error().message;
}

using Places = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("tokens are SQLite's") {
  const auto kinds = [](std::string_view text) {
    std::string out;
    for (std::size_t at = 0;;) {
      const Token token = next_token(text, at);
      if (token.kind == Token::Kind::end) return out;
      out += (out.empty() ? "" : " ") + std::to_string(static_cast<int>(token.kind)) + ":" +
             std::string(token.text);
      if (token.kind == Token::Kind::broken) return out;
      at = token.offset + token.text.size();
    }
  };
  CHECK(kinds("SELECT a.b,\"c d\" FROM`t` -- x\n/* y */;") ==
        "1:SELECT 1:a 7:. 1:b 7:, 2:\"c d\" 1:FROM 2:`t` 7:;");
  CHECK(kinds("'it''s' x'0aF' X'0aFf'") == "3:'it''s' 8:x'0aF'");
  CHECK(kinds("X'0aFf'[a]]b") == "4:X'0aFf' 2:[a] 8:]");
  CHECK(kinds("1 1.5 .5e3 1e 0x1F") == "5:1 5:1.5 5:.5e3 8:1e");
  CHECK(kinds("0x1F 1e-3 1a") == "5:0x1F 5:1e-3 8:1a");
  CHECK(kinds("?,?12 :a @b $c") == "6:? 7:, 6:?12 6::a 6:@b 6:$c");
  CHECK(kinds("a->>b->c||d<>e") == "1:a 7:->> 1:b 7:-> 1:c 7:|| 1:d 7:<> 1:e");
  CHECK(kinds("'a") == "8:'a");
  CHECK(kinds("a /* b") == "1:a 8:/* b");
  CHECK(next_token("\"a\"\"b\"", 0).name() == "a\"b");
  CHECK(next_token("'a''b'", 0).name() == "a'b");
  CHECK(next_token("[a b]", 0).name() == "a b");
}

TEST_CASE("a statement is open where something has to follow") {
  for (const char* open : {"SELECT (1", "SELECT 'a", "SELECT \"a''", "SELECT 1 /* ", "SELECT a,",
                           "SELECT a, -- more\n", "INSERT INTO t VALUES (1), ", "SELECT '('('"})
    CHECK_MESSAGE(is_open(open), open);
  for (const char* whole :
       {"SELECT (1)", "SELECT 'a,'", "SELECT a -- ,", "SELECT ')('", "", "SELECT 1)"})
    CHECK_MESSAGE(!is_open(whole), whole);
}

TEST_CASE("CREATE TABLE says what a table is") {
  const auto users = parsed<CreateTable>(
      "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(100) NOT NULL, active BOOLEAN DEFAULT "
      "true, born TIMESTAMP)");
  CHECK(users.schema.name == "users");
  CHECK_FALSE(users.if_not_exists);
  REQUIRE(users.schema.columns.size() == 4);
  CHECK(users.schema.columns[0].type == ColumnType::integer);
  CHECK(users.schema.columns[0].not_null);
  CHECK(users.schema.primary_key == Places{0});
  CHECK(users.schema.columns[1].length_max == 100);
  CHECK(users.schema.columns[1].not_null);
  CHECK(users.schema.columns[2].default_sql == "true");
  CHECK(users.schema.columns[3].type == ColumnType::timestamp);

  const auto orders = parsed<CreateTable>(
      "create table if not exists Orders (\n"
      "  a bigint, b double precision default -1.5, c decimal(10,2) default (1 + (2)),\n"
      "  d text unique references users(name), e json, f blob default x'00',\n"
      "  constraint pk primary key (b, A), unique (e, f), check (a > 0 and (b < 1)),\n"
      "  constraint fk foreign key (a, b) references t);");
  const engine::TableSchema& schema = orders.schema;
  CHECK(orders.if_not_exists);
  CHECK(schema.primary_key == Places{1, 0});
  CHECK(schema.columns[0].not_null);
  CHECK(schema.columns[1].default_sql == "-1.5");
  CHECK(schema.columns[2].default_sql == "1 + (2)");
  REQUIRE(schema.indexes.size() == 2);
  CHECK(schema.indexes[0].name == "Orders_d");
  CHECK(schema.indexes[1].columns == Places{4, 5});
  CHECK(schema.indexes[1].unique);
  REQUIRE(schema.checks.size() == 1);
  CHECK(schema.checks[0].sql == "a > 0 and (b < 1)");
  REQUIRE(schema.foreign_keys.size() == 2);
  CHECK(schema.foreign_keys[0].referenced == std::vector<std::string>{"name"});
  CHECK(schema.foreign_keys[1].columns == Places{0, 1});
  CHECK(parsed<CreateTable>("CREATE TABLE t (a BIGINT AUTO_INCREMENT PRIMARY KEY)")
            .schema.auto_increment);
}

TEST_CASE("the other statements of kimdb's own") {
  const auto index = parsed<CreateIndex>(
      "CREATE UNIQUE INDEX IF NOT EXISTS i ON t USING HASH (a DESC, \"b\" ASC)");
  CHECK(index.unique);
  CHECK(index.hash);
  CHECK(index.if_not_exists);
  REQUIRE(index.columns.size() == 2);
  CHECK(index.columns[0].descending);
  CHECK(index.columns[1].name == "b");
  CHECK_FALSE(index.columns[1].descending);
  CHECK(parsed<DropTable>("DROP TABLE IF EXISTS t;").if_exists);
  CHECK(parsed<DropIndex>("drop index i").name == "i");

  const auto added = parsed<AlterTable>(
      "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 7 CHECK (c > 0) REFERENCES u (id)");
  CHECK(added.kind == AlterTable::Kind::add_column);
  CHECK(added.added.default_sql == "7");
  CHECK(added.checks.size() == 1);
  CHECK(added.foreign_key->table == "u");
  CHECK(parsed<AlterTable>("ALTER TABLE t DROP c").column == "c");
  const auto renamed = parsed<AlterTable>("ALTER TABLE t RENAME COLUMN a TO b");
  CHECK(renamed.kind == AlterTable::Kind::rename_column);
  CHECK(renamed.column + renamed.name == "ab");
  CHECK(parsed<AlterTable>("ALTER TABLE t RENAME TO u").kind == AlterTable::Kind::rename_table);

  for (const char* text : {"BEGIN", "begin transaction", "START TRANSACTION", "BEGIN WORK;"})
    CHECK(parsed<Simple>(text) == Simple::begin);
  for (const char* text : {"COMMIT", "COMMIT TRANSACTION", "END"})
    CHECK(parsed<Simple>(text) == Simple::commit);
  CHECK(parsed<Simple>("ROLLBACK ;") == Simple::rollback);
  CHECK(parsed<Simple>("SHOW TABLES") == Simple::show_tables);
  CHECK(parsed<Simple>("show status") == Simple::show_status);
  CHECK(parsed<Describe>("DESCRIBE users").table == "users");
  CHECK(parsed<Vacuum>("VACUUM").table.empty());
  CHECK(parsed<Vacuum>("VACUUM t;").table == "t");
}

TEST_CASE("what reads and writes rows goes to SQLite as it is") {
  const auto select = parsed<Query>("  SELECT ';' -- x ;\n , 1 ; ");
  CHECK(select.text == "SELECT ';' -- x ;\n , 1");
  CHECK(select.offset == 2);
  CHECK_FALSE(select.writes);
  CHECK(select.explain == Query::Explain::no);
  const auto insert = parsed<Query>("INSERT OR REPLACE INTO t AS x (a, \"b\") VALUES (1, 2)");
  CHECK(insert.writes);
  CHECK(insert.table == "t");
  CHECK(insert.columns == std::vector<std::string>{"a", "b"});
  CHECK(parsed<Query>("REPLACE INTO t VALUES (1)").columns.empty());
  CHECK(parsed<Query>("WITH a AS (SELECT 1), b(c) AS NOT MATERIALIZED (SELECT (2)) DELETE FROM t")
            .writes);
  CHECK_FALSE(parsed<Query>("WITH RECURSIVE a AS (VALUES (1)) SELECT * FROM a").writes);
  CHECK(parsed<Query>("UPDATE t SET a = 1").writes);
  const auto plan = parsed<Query>("EXPLAIN SELECT 1");
  CHECK(plan.explain == Query::Explain::plan);
  CHECK(plan.text == "SELECT 1");
  CHECK(parsed<Query>("EXPLAIN QUERY PLAN SELECT 1").explain == Query::Explain::plan);
  CHECK(parsed<Query>("EXPLAIN ANALYZE SELECT 1").explain == Query::Explain::analyze);
}

TEST_CASE("values are read where they are nothing but literals and parameters") {
  const auto rows = [](const std::string& values) {
    const std::string text = "INSERT INTO t VALUES " + values;
    const Query query = parsed<Query>(text);
    std::string out;
    for (const ValueList::Value& value : query.rows.values) {
      const engine::SqlValue& literal = value.literal;
      switch (literal.kind) {
        case engine::SqlValue::Kind::null:
          out += value.is_parameter ? "? " : "null ";
          break;
        case engine::SqlValue::Kind::integer:
          out += std::to_string(literal.integer) + " ";
          break;
        case engine::SqlValue::Kind::real:
          out += std::to_string(literal.real) + " ";
          break;
        default:
          out += "'" + std::string(literal.bytes) + "' ";
      }
    }
    return std::to_string(query.rows.width) + ": " + out;
  };
  CHECK(rows("(1, -2, 'x', 'it''s', ''), (?, NULL, TRUE, -1.25, .5) ; -- done") ==
        "5: 1 -2 'x' 'it's' '' ? null 1 -1.250000 0.500000 ");
  CHECK(rows("(9223372036854775807)") == "1: 9223372036854775807 ");
  // SQLite's to read, or to refuse.
  for (const char* values :
       {"(1 + 1)", "(1), (2, 3)", "(9223372036854775808)", "(1e3)", "(0x10)", "(1.0005)", "(?1)",
        "(:a)", "(x'00')", "(-'1')", "(CURRENT_DATE)", "(1), (2) + 1", "(1", "1", "()", "(1),",
        "('a' 'b')", "(\"a\")", "(1) 2"})
    CHECK_MESSAGE(rows(values) == "0: ", values);
  CHECK(parsed<Query>("WITH x AS (SELECT ?) INSERT INTO t VALUES (1)").rows.width == 0);
  CHECK(parsed<Query>("INSERT OR IGNORE INTO t (b, a) VALUES (1, 2)").on_conflict ==
        OnConflict::ignore);
  CHECK(parsed<Query>("REPLACE INTO t VALUES (1)").on_conflict == OnConflict::replace);
  CHECK(parsed<Query>("INSERT OR ABORT INTO t VALUES (1)").on_conflict == OnConflict::refuse);
}

TEST_CASE("what is wrong is said with its place") {
  CHECK(wrong("CREATE TABEL t (a INT)") ==
        "syntax error at position 8 near 'TABEL': CREATE makes a TABLE or an INDEX");
  CHECK(wrong("") == "syntax error at position 1, the end: a statement is missing");
  CHECK(wrong("CREATE TABLE t (a INT") == "syntax error at position 22, the end");
  CHECK(wrong("CREATE TABLE t ()") ==
        "syntax error at position 17 near ')': the name of a column is missing");
  CHECK(wrong("CREATE TABLE t (a NUMBER)") ==
        "syntax error at position 19 near 'NUMBER': unknown type NUMBER of column a");
  CHECK(wrong("CREATE TABLE t (a INT, A INT)") == "duplicate column: A");
  CHECK(wrong("CREATE TABLE t (a INT PRIMARY KEY, PRIMARY KEY (a))") ==
        "table t has more than one primary key");
  CHECK(wrong("CREATE TABLE t (a INT, UNIQUE (b))") == "unknown column: b");
  CHECK(wrong("CREATE TABLE t (a TEXT PRIMARY KEY AUTO_INCREMENT)") ==
        "AUTO_INCREMENT is for a primary key of one INT or BIGINT");
  CHECK(wrong("CREATE TABLE t (a INT DEFAULT b)").starts_with("syntax error at position 31"));
  CHECK(wrong("CREATE TABLE t (a INT DEFAULT (1)").ends_with(", the end"));
  CHECK(wrong("CREATE TABLE t (a INT CHECK (1)").ends_with(", the end"));
  CHECK(wrong("CREATE TABLE t (a INT CHECK (1").ends_with("a parenthesis is not closed"));
  CHECK(wrong("DROP VIEW v").starts_with("syntax error at position 6 near 'VIEW'"));
  CHECK(wrong("SELECT 'a").starts_with("syntax error at position 8 near ''a'"));
  CHECK(wrong("SELECT 1; SELECT 2") == "syntax error at position 11 near 'SELECT'");
  CHECK(wrong("PRAGMA x") == "syntax error at position 1 near 'PRAGMA'");
  CHECK(wrong("ATTACH 'x' AS y").starts_with("syntax error at position 1"));
  CHECK(wrong("EXPLAIN CREATE TABLE t (a INT)").starts_with("syntax error at position 9"));
}

TEST_CASE("no text whatever ends the parser otherwise than by a statement or an error") {
  SeededRandom random(support::test_seed("no text whatever ends the parser otherwise"));
  const std::vector<std::string> pieces = {"CREATE ",    "TABLE ",
                                           "t",          " (",
                                           "a INT ",     ",",
                                           ")",          "PRIMARY KEY ",
                                           "UNIQUE ",    "CHECK ",
                                           "DEFAULT ",   "REFERENCES ",
                                           "'",          "\"",
                                           "x'0",        "--",
                                           "/*",         "INSERT INTO ",
                                           "WITH a AS ", "SELECT ",
                                           ";",          "ALTER TABLE t ",
                                           "ADD ",       "DROP ",
                                           "1.5e",       "\xc3\xa9",
                                           "[",          "EXPLAIN "};
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::uint64_t count = random.below(14); count > 0; --count)
      text += pieces[random.below(pieces.size())];
    const auto statement = parse_statement(text);
    if (!statement) REQUIRE(!statement.error().message.empty());
  }
}

}  // namespace kimdb::database::sql
