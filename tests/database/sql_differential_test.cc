// Random statements over random tables give exactly what plain SQLite gives on the same rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/database/plain_sqlite.h"
#include "tests/support/random_sql.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database::sql {
namespace {

enum class Type { integer, bigint, real, decimal, text, boolean, timestamp, blob };

struct RandomColumn {
  std::string name;
  Type type = Type::integer;
  bool not_null = false;
  bool in_key = false;
};

struct RandomTable {
  std::string name;
  std::vector<RandomColumn> columns;
  std::vector<std::string> key;  // none: it has no primary key
};

class Statements {
 public:
  explicit Statements(Random& random) : random_(random) {}

  RandomTable table(const std::string& name) {
    RandomTable made{.name = name, .columns = {}, .key = {}};
    const std::size_t count = 2 + random_.below(4);
    for (std::size_t i = 0; i < count; ++i)
      made.columns.push_back({.name = "c" + std::to_string(i),
                              .type = static_cast<Type>(random_.below(8)),
                              .not_null = random_.below(4) == 0});
    const std::size_t key_columns = random_.below(3);
    for (std::size_t i = 0; i < key_columns; ++i) {
      made.columns[i].in_key = made.columns[i].not_null = true;
      made.key.push_back(made.columns[i].name);
    }
    return made;
  }

  // For kimdb, or for SQLite.
  static std::string create(const RandomTable& table, bool plain) {
    std::string sql = "CREATE TABLE " + table.name + " (";
    for (const RandomColumn& column : table.columns)
      sql += column.name + " " + type_name(column.type, plain) +
             (column.not_null ? " NOT NULL, " : ", ");
    if (!table.key.empty()) sql += "PRIMARY KEY (" + joined(table.key) + "), ";
    return sql.substr(0, sql.size() - 2) + ")";
  }

  std::string literal(Type type) {
    switch (type) {
      case Type::integer:
      case Type::bigint:
        return std::to_string(static_cast<std::int64_t>(random_.below(12)) - 3);
      case Type::real:
      case Type::decimal:  // quarters: their sums are exact in any order
      {
        // With 6 decimals or 2: not every way to read them is the same.
        const auto quarters = static_cast<std::int64_t>(random_.below(40)) - 12;
        // A DECIMAL keeps a double that is a whole number, which plain SQLite makes one.
        if (type == Type::decimal && quarters % 4 == 0) return std::to_string(quarters / 4);
        std::string text = std::to_string(static_cast<double>(quarters) / 4);
        return random_.below(2) == 0 ? text : text.substr(0, text.size() - 4);
      }
      case Type::text: {
        constexpr const char* kTexts[] = {"'a'", "'b'", "'ab'",   "'B'",  "''",   "'a|b'",
                                          "'5'", "'ä'", "'x''y'", "'10'", "'aba'"};
        return kTexts[random_.below(std::size(kTexts))];
      }
      case Type::boolean:
        return random_.below(2) == 0 ? "true" : "false";
      case Type::timestamp:
        return "'202" + std::to_string(random_.below(4)) + "-0" +
               std::to_string(1 + random_.below(3)) + "-01 10:00:00'";
      case Type::blob: {
        constexpr const char* kBlobs[] = {"x''", "x'00'", "x'00ff'", "x'61'", "x'ff'"};
        return kBlobs[random_.below(std::size(kBlobs))];
      }
    }
    return "NULL";
  }

  std::string value(const RandomColumn& column) {
    return !column.not_null && random_.below(5) == 0 ? "NULL" : literal(column.type);
  }

  std::string condition(const RandomTable& table, const std::string& prefix, int depth) {
    if (depth > 0 && random_.below(3) == 0) {
      const std::string a = condition(table, prefix, depth - 1);
      const std::string b = condition(table, prefix, depth - 1);
      constexpr const char* kWords[] = {" AND ", " OR ", " AND NOT "};
      return "(" + a + kWords[random_.below(3)] + b + ")";
    }
    const RandomColumn& column = pick(table.columns);
    const std::string name = prefix + column.name;
    constexpr const char* kOps[] = {" = ", " < ", " <= ", " > ", " >= ", " <> ", " IS "};
    switch (random_.below(8)) {
      case 0:
        return name + (random_.below(2) == 0 ? " IS NULL" : " IS NOT NULL");
      case 1:
        return name + " BETWEEN " + literal(column.type) + " AND " + literal(column.type);
      case 2:
        return name + " IN (" + literal(column.type) + ", " + literal(column.type) + ")";
      case 3:
        // Of a DECIMAL 1.0 stays what it is, which plain SQLite makes 1.
        if (column.type == Type::text || (column.type != Type::decimal && random_.below(4) == 0))
          return name + " LIKE " + pattern();
        [[fallthrough]];
      case 4:  // of another type; but times are compared as times, which SQLite does not know
        if (column.type != Type::timestamp)
          return name + kOps[random_.below(7)] + literal(static_cast<Type>(random_.below(8)));
        [[fallthrough]];
      default:
        return name + kOps[random_.below(7)] + literal(column.type);
    }
  }
  std::string pattern() {
    constexpr const char* kPatterns[] = {"'a%'",  "'%B'", "'%a%b%'", "'a%a'", "'_'",  "'A'",  "'%'",
                                         "'%ä%'", "''",   "NULL",    "5",     "'-%'", "'%5%'"};
    return kPatterns[random_.below(std::size(kPatterns))];
  }
  // The row with a primary key, or nearly that.
  std::string lookup(const RandomTable& table) {
    std::string sql = random_.below(3) == 0 ? "SELECT *" : "SELECT " + pick(table.columns).name;
    if (sql.back() != '*' && random_.below(2) == 0) sql += ", " + pick(table.columns).name;
    sql += " FROM " + table.name + " WHERE ";
    std::vector<std::string> conditions;
    for (const RandomColumn& column : table.columns)
      if (column.in_key) {
        const bool same = column.type == Type::timestamp || random_.below(8) != 0;
        conditions.push_back(column.name + " = " + literal(same ? column.type : Type::integer));
      }
    if (conditions.empty() || random_.below(8) == 0) conditions.push_back(condition(table, "", 0));
    std::string all;
    for (const std::string& each : conditions) all += (all.empty() ? "" : " AND ") + each;
    return sql + all;
  }
  // By some columns, which are all that is shown: others may be in any order.
  std::string ordered(const RandomTable& table) {
    std::string columns, order;
    for (std::uint64_t i = 1 + random_.below(3); i > 0; --i) {
      const std::string& column = pick(table.columns).name;
      columns += (columns.empty() ? "" : ", ") + column;
      order += (order.empty() ? "" : ", ") + column + (random_.below(2) == 0 ? " DESC" : "");
    }
    std::string sql =
        "SELECT " + columns + " FROM " + table.name + where(table) + " ORDER BY " + order;
    if (random_.below(3) != 0) sql += " LIMIT " + std::to_string(random_.below(9));
    if (sql.find(" LIMIT ") != std::string::npos && random_.below(3) == 0)
      sql += " OFFSET " + std::to_string(random_.below(5));
    return sql;
  }
  std::string where(const RandomTable& table, const std::string& prefix = "") {
    return random_.below(4) == 0 ? "" : " WHERE " + condition(table, prefix, 2);
  }

  std::string query(const std::vector<RandomTable>& tables) {
    const RandomTable& table = pick(tables);
    const RandomTable& other = pick(tables);
    const std::string column = pick(table.columns).name;
    switch (random_.below(9)) {
      case 8:
        return ordered(table);
      case 7:
        return lookup(table);
      case 0:
        return "SELECT count(*), min(" + column + "), max(" + column + "), count(" + column +
               ") FROM " + table.name + where(table);
      case 1:
        return "SELECT " + column + ", count(*) FROM " + table.name + where(table) + " GROUP BY " +
               column;
      case 2:
        return "SELECT a." + column + ", b." + pick(other.columns).name + " FROM " + table.name +
               " a " + (random_.below(2) == 0 ? "JOIN " : "LEFT JOIN ") + other.name + " b ON a." +
               column + " = b." + same_type(other, type_of(table, column)) +
               (random_.below(3) == 0 ? " AND " + condition(other, "b.", 1) : "") +
               (random_.below(2) == 0 ? where(table, "a.") : where(other, "b."));
      case 3:
        return "SELECT * FROM " + table.name + " WHERE " + column + " IN (SELECT " +
               same_type(other, type_of(table, column)) + " FROM " + other.name + where(other) +
               ")";
      case 4: {
        std::string order;
        for (const RandomColumn& each : table.columns)
          order += (order.empty() ? "" : ", ") + each.name + (random_.below(2) == 0 ? " DESC" : "");
        return "SELECT * FROM " + table.name + where(table) + " ORDER BY " + order +
               (random_.below(2) == 0 ? " LIMIT " + std::to_string(random_.below(9)) : "");
      }
      case 5:
        return "SELECT DISTINCT " + column + " FROM " + table.name + where(table);
      default:
        return "SELECT * FROM " + table.name + where(table);
    }
  }

  std::string change(const std::vector<RandomTable>& tables) {
    const RandomTable& table = pick(tables);
    const RandomColumn& column = pick(table.columns);
    const std::uint64_t kind = random_.below(10);
    if (kind == 0) return "DELETE FROM " + table.name + where(table);
    if (kind <= 2 && !column.in_key)
      return "UPDATE " + table.name + " SET " + column.name + " = " + value(column) + where(table);
    constexpr const char* kVerbs[] = {"INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE", "REPLACE"};
    std::string sql = std::string(kVerbs[random_.below(4)]) + " INTO " + table.name;
    // Its columns from the last to the first, those that may be NULL not always.
    std::vector<RandomColumn> columns = table.columns;
    if (random_.below(2) == 0) {
      std::reverse(columns.begin(), columns.end());
      if (!columns.back().not_null && columns.size() > 1) columns.pop_back();
      std::vector<std::string> names;
      for (const RandomColumn& each : columns) names.push_back(each.name);
      sql += " (" + joined(names) + ")";
    }
    sql += " VALUES ";
    // One value that is neither a literal nor a parameter, and all goes the way of other
    // statements.
    const bool computed = random_.below(3) == 0;
    for (std::uint64_t rows = 1 + random_.below(5); rows > 0; --rows) {
      sql += "(";
      for (const RandomColumn& each : columns)
        sql += computed ? "(" + value(each) + "), " : value(each) + ", ";
      sql.replace(sql.size() - 2, 2, rows > 1 ? "), " : ")");
    }
    return sql;
  }

  template <class Item>
  const Item& pick(const std::vector<Item>& list) {
    return list[random_.below(list.size())];
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

 private:
  static std::string type_name(Type type, bool plain) {
    switch (type) {
      case Type::integer:
        return "INT";
      case Type::bigint:
        return "BIGINT";
      case Type::real:
        return "DOUBLE";
      case Type::decimal:
        return "DECIMAL";
      case Type::text:
        return "TEXT";
      case Type::boolean:
        return "BOOLEAN";
      case Type::timestamp:
        return plain ? "TEXT" : "TIMESTAMP";
      case Type::blob:
        return "BLOB";
    }
    return "";
  }
  static Type type_of(const RandomTable& table, const std::string& name) {
    return std::find_if(table.columns.begin(), table.columns.end(),
                        [&](const RandomColumn& column) { return column.name == name; })
        ->type;
  }
  // A column of this type where the table has one.
  std::string same_type(const RandomTable& table, Type type) {
    for (const RandomColumn& column : table.columns)
      if (column.type == type && random_.below(2) == 0) return column.name;
    return pick(table.columns).name;
  }

  Random& random_;
};

// All but the number of rows and the names of the columns.
std::string sorted(const std::string& reply) { return support::sorted_lines(reply, 2); }

bool is_error(const std::string& reply) { return reply.starts_with("ERROR"); }

}  // namespace

TEST_CASE("random statements give what plain SQLite gives") {
  SeededRandom random(support::test_seed("random statements give what plain SQLite gives"));
  const support::TestDeadline deadline(5);
  Statements statements(random);
  int queries = 0, changes = 0;
  do {
    support::TestDb kimdb;
    PlainSqlite plain;
    std::vector<RandomTable> tables;
    for (const char* name : {"t0", "t1", "t2"}) {
      tables.push_back(statements.table(name));
      REQUIRE(kimdb.run(Statements::create(tables.back(), false)) == "OK");
      REQUIRE(plain.run(Statements::create(tables.back(), true)) == "0");
    }
    std::string schema;
    for (const RandomTable& table : tables) schema += Statements::create(table, false) + "\n";
    CAPTURE(schema);
    bool in_transaction = false;
    const auto both = [&](const std::string& sql) {
      CAPTURE(sql);
      const std::string ours = kimdb.run(sql), theirs = plain.run(sql);
      if (is_error(ours) || is_error(theirs)) {
        CAPTURE(ours);
        CAPTURE(theirs);
        REQUIRE(is_error(ours) == is_error(theirs));
      } else if (ours != "OK") {
        REQUIRE(sorted(ours) == sorted(theirs));
        if (sql.find(" ORDER BY ") != std::string::npos) REQUIRE(ours == theirs);
      }
    };
    for (int i = 0; i < 60; ++i) both(statements.change(tables));
    for (int step = 0; step < 200; ++step) {
      switch (random.below(12)) {
        case 0: {  // kimdb's alone: what an index finds is what a scan finds
          if (in_transaction) break;
          const RandomTable& table = statements.pick(tables);
          const std::string name = table.name + "_" + std::to_string(random.below(3));
          std::string sql = "CREATE INDEX " + name + " ON " + table.name +
                            (random.below(4) == 0 ? " USING HASH" : "") + " (" +
                            statements.pick(table.columns).name;
          if (random.below(3) == 0) sql += " DESC";
          if (random.below(3) == 0) sql += ", " + statements.pick(table.columns).name;
          if (is_error(kimdb.run(sql + ")"))) kimdb.run("DROP INDEX IF EXISTS " + name);
          break;
        }
        case 1:
          both(in_transaction ? (random.below(2) == 0 ? "COMMIT" : "ROLLBACK") : "BEGIN");
          in_transaction = !in_transaction;
          break;
        case 2:
        case 3:
        case 4:
          both(statements.change(tables));
          ++changes;
          break;
        default:
          both(statements.query(tables));
          ++queries;
      }
    }
  } while (!deadline.passed());
  CHECK(queries > 100);
  CHECK(changes > 20);
}

}  // namespace kimdb::database::sql
