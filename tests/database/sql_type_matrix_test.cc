// Every type meets every other: in comparisons, IN, BETWEEN, CASE, UNION, CHECK, DEFAULT, joins and
// indexes, over tables and a collection, statements give what plain SQLite gives over the same
// rows.
//
// What kimdb does otherwise is in the plain tables' types and in the statements they are given:
//   - TIMESTAMP is a text as kimdb shows it, in columns that compare texts as times; the collation
//     is written behind each such column, and behind a SELECT in the place of a value that has one,
//     but for the items of an IN (SELECT …).
//   - DECIMAL(p,s) is a double, rounded; a DECIMAL holds no double that is a whole number, since
//     plain SQLite makes it one.
//   - A column of a result is shown as BOOLEAN or DECIMAL(p,s) where it is one, unchanged, in all
//     SELECTs of a UNION ALL.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "database/sql/timestamp.h"
#include "tests/database/plain_sqlite.h"
#include "tests/database/sql_replies.h"
#include "tests/support/random_sql.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database::sql {
namespace {

enum class Type {
  integer,
  bigint,
  real,
  decimal,
  scaled,
  text,
  boolean,
  timestamp,
  json,
  blob,
  any
};
constexpr std::size_t kTypes = 10;  // of columns of tables; any: a field of documents

// In a statement: \1 for kimdb \2 for SQLite \3.
std::string either(const std::string& ours, const std::string& theirs) {
  return "\1" + ours + "\2" + theirs + "\3";
}
std::string of_side(const std::string& sql, bool plain) {
  std::string out;
  char side = '\3';
  for (const char c : sql) {
    if (c >= '\1' && c <= '\3')
      side = c;
    else if (side == '\3' || side == (plain ? '\2' : '\1'))
      out += c;
  }
  return out;
}

const char* const kByTime = "\1\2 COLLATE timestamp\3";

struct TypeOf {
  const char* ours;
  const char* plain;
};
constexpr std::array<TypeOf, kTypes> kNames = {{{"INT", "INT"},
                                                {"BIGINT", "BIGINT"},
                                                {"DOUBLE", "DOUBLE"},
                                                {"DECIMAL", "DECIMAL"},
                                                {"DECIMAL(10,2)", "DOUBLE"},
                                                {"TEXT", "TEXT"},
                                                {"BOOLEAN", "BOOLEAN"},
                                                {"TIMESTAMP", "TEXT COLLATE timestamp"},
                                                {"JSON", "TEXT"},
                                                {"BLOB", "BLOB"}}};

int compare_times(void* /*nothing*/, int a_size, const void* a_bytes, int b_size,
                  const void* b_bytes) {
  const auto shown = [](const void* bytes, int size) {
    std::string text(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
    if (const auto time = parse_timestamp(text)) {
      text.clear();
      append_timestamp(text, *time);
    }
    return text;
  };
  return shown(a_bytes, a_size).compare(shown(b_bytes, b_size));
}

struct MatrixColumn {
  std::string name;
  Type type = Type::integer;
  bool in_key = false;
};

struct MatrixTable {
  std::string name;
  std::vector<MatrixColumn> columns;
};

// A table in a statement, under another name.
struct Named {
  const MatrixTable& table;
  std::string name;
};
using Scope = std::vector<Named>;

class Matrix {
 public:
  explicit Matrix(Random& random) : random_(random) {}

  template <class Item>
  const Item& pick(const std::vector<Item>& list) {
    return list[random_.below(list.size())];
  }
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }

  MatrixTable table(const std::string& name) {
    MatrixTable made{.name = name, .columns = {}};
    for (std::uint64_t i = 0, count = 2 + random_.below(4); i < count; ++i)
      made.columns.push_back({.name = name + "c" + std::to_string(i),
                              .type = static_cast<Type>(random_.below(kTypes))});
    for (std::uint64_t i = random_.below(3); i > 0; --i) made.columns[i - 1].in_key = true;
    return made;
  }

  std::string create(const MatrixTable& table) {
    std::string sql = "CREATE TABLE " + table.name + " (", key;
    for (const MatrixColumn& column : table.columns) {
      sql += column.name + " " + type_name(column.type) + (column.in_key ? " NOT NULL, " : ", ");
      if (column.in_key) key += (key.empty() ? "" : ", ") + column.name;
    }
    if (!key.empty()) sql += "PRIMARY KEY (" + key + "), ";
    sql.resize(sql.size() - 2);
    return sql + ")";
  }
  static std::string type_name(Type type) {
    const TypeOf& names = kNames[static_cast<std::size_t>(type)];
    return either(names.ours, names.plain);
  }

  // What a column of the type can store.
  std::string stored(Type type) {
    switch (type) {
      case Type::integer:
        return pick({"0", "1", "-1", "2", "10", "1.0", "'1'", "' 2'", "2147483647", "20200101"});
      case Type::bigint:
        return pick({"0", "1", "-1", "10", "9007199254740993", "9007199254740992",
                     "9223372036854775807", "-9223372036854775807", "'1.0'"});
      case Type::real:
        return pick({"0", "1", "1.5", "0.1", "1e0", "-0.0", "100000", "9007199254740992", "1e300",
                     "'01'", "9223372036854775807", "-1"});
      case Type::decimal:
        return pick({"0", "1", "1.5", "-1", "0.1", "9007199254740993", "'10'"});
      case Type::scaled:
        return pick(
            {"0", "1", "1.5", either("1.005", "1.01"), either("'1.499'", "1.5"), "-1", "10"});
      case Type::text:
        return pick(texts_);
      case Type::boolean:
        return pick({"true", "false", "1", either("'yes'", "1"), either("'f'", "0")});
      case Type::timestamp:
        return pick({either("'2020-01-01'", "'2020-01-01 00:00:00'"),
                     either("'2020-01-01T12:00+02:00'", "'2020-01-01 10:00:00'"),
                     "'2020-01-01 10:00:00'", "'2020-01-01 10:00:00.250'", "'2021-06-01 00:00:00'",
                     "'1969-12-31 23:59:59'"});
      case Type::json:
        return pick({"'1'", "'1.0'", "'\"a\"'", "'{}'", "'[1]'", "' 1'", "'true'"});
      case Type::blob:
        return pick({"x''", "x'31'", "x'00'", "x'312e30'"});
      case Type::any:
        break;
    }
    return "NULL";
  }
  std::string value(const MatrixColumn& column) {
    return !column.in_key && one_in(5) ? "NULL" : stored(column.type);
  }
  // A value of any type, as an expression without a column.
  std::string literal() {
    if (one_in(3)) return pick(texts_);
    return pick({"0",
                 "1",
                 "1.0",
                 "1e0",
                 "-1",
                 "2",
                 "10",
                 "1.5",
                 "0.1",
                 "true",
                 "false",
                 "NULL",
                 "100000",
                 "100000.0",
                 "9007199254740993",
                 "9007199254740992.0",
                 "9223372036854775807",
                 "9223372036854775808",
                 "-9223372036854775808",
                 "1e300",
                 "x'31'",
                 "x''",
                 "'2020-01-01'",
                 "'2020-01-01T00:00Z'",
                 "20200101"});
  }

  const MatrixColumn& column(const Scope& scope, std::string& sql) {
    const Named& named = scope[random_.below(scope.size())];
    const MatrixColumn& column = pick(named.table.columns);
    sql = named.name + "." + column.name + (column.type == Type::timestamp ? kByTime : "");
    return column;
  }
  std::string column(const Scope& scope) {
    std::string sql;
    column(scope, sql);
    return sql;
  }

  // Of a SELECT within another one. Where a table is changed it is none that reads this one: plain
  // SQLite looks into its index while it deletes from it.
  const MatrixTable& inner_table() {
    for (;;)
      if (const MatrixTable& table = pick(tables); table.name != changed_) return table;
  }

  std::string operand(const Scope& scope, int depth) {
    const std::uint64_t kind = random_.below(depth > 0 ? 12 : 8);
    if (kind < 5) return column(scope);
    if (kind < 8) return literal();
    const std::string a = operand(scope, depth - 1);
    switch (random_.below(12)) {
      case 0:
        return "coalesce(" + a + ", " + operand(scope, depth - 1) + ")";
      case 1:
        return "CASE WHEN " + predicate(scope, 0) + " THEN " + a + " ELSE " +
               operand(scope, depth - 1) + " END";
      case 2:
        return "CAST(" + a + " AS " + pick({"INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB"}) + ")";
      case 3:
        return "(+" + a + ")";
      case 4:
        return "(" + a + " || '')";
      case 5:
        return "nullif(" + a + ", " + operand(scope, depth - 1) + ")";
      case 6:
        return "max(" + a + ", " + operand(scope, depth - 1) + ")";
      case 7:
        return "(" + a + " / 2)";
      case 8: {
        const MatrixTable& table = inner_table();
        const std::string sql = "(SELECT max(" + column({{table, "z"}}) + ") FROM " + table.name +
                                " z WHERE " + predicate({{table, "z"}}, 0) + ")";
        return by_time(sql);
      }
      case 9:
        return "typeof(" + a + ")";
      case 10:
        return "(" + predicate(scope, 0) + ")";
      default:
        return "lower(" + a + ")";
    }
  }
  static std::string by_time(const std::string& sql) {
    return sql.find(kByTime) == std::string::npos ? sql : sql + kByTime;
  }

  std::string predicate(const Scope& scope, int depth) {
    if (depth > 0 && one_in(4)) {
      const std::string a = predicate(scope, depth - 1);
      const std::string b = predicate(scope, depth - 1);
      return "(" + a + pick({" AND ", " OR ", " AND NOT "}) + b + ")";
    }
    // A column alone on the left is what paths are chosen by.
    const std::string a = one_in(3) ? operand(scope, depth) : column(scope);
    const std::string b = operand(scope, depth);
    switch (random_.below(10)) {
      case 0:
        return a + " BETWEEN " + b + " AND " + operand(scope, depth);
      case 1:
        return a + " IN (" + b + ", " + literal() + ", " + literal() + ")";
      case 2:
      case 3: {
        const MatrixTable& table = inner_table();
        const Scope inner{{table, "y"}};
        // What stands on the left says how it is compared.
        std::string item = one_in(4) ? operand(inner, 1) : column(inner);
        for (std::size_t at = 0; (at = item.find(kByTime)) != std::string::npos;)
          item.erase(at, std::string_view(kByTime).size());
        return a + (one_in(5) ? " NOT" : "") + " IN (SELECT " + item + " FROM " + table.name +
               " y" + (one_in(2) ? " WHERE " + predicate(inner, 0) : "") + ")";
      }
      case 4:
        return "CASE " + a + " WHEN " + b + " THEN 1 WHEN " + literal() + " THEN 2 ELSE 0 END = 1";
      case 5:
        return a + (one_in(2) ? " LIKE '1%'" : " IS NOT NULL");
      case 6:
        return b + compare() + a;
      default:
        return a + compare() + b;
    }
  }
  std::string compare() {
    return pick({" = ", " = ", " = ", " < ", " <= ", " > ", " >= ", " <> ", " IS "});
  }
  std::string where(const Scope& scope) { return one_in(6) ? "" : " WHERE " + predicate(scope, 2); }

  struct Query {
    std::string sql;
    std::vector<ResultSet::Column> shown;
    bool ordered = false;
  };

  static ResultSet::Column shown_as(Type type) {
    ResultSet::Column column;
    column.is_boolean = type == Type::boolean;
    column.scale = type == Type::scaled ? 2 : 0;
    return column;
  }
  // An item of a SELECT, and as what it is shown.
  std::string item(const Scope& scope, ResultSet::Column& shown) {
    shown = {};
    std::string sql;
    if (one_in(3)) {
      sql = operand(scope, 1);
      return sql.find_first_of(" (") == std::string::npos ? "+" + sql : sql;  // no bare column
    }
    shown = shown_as(column(scope, sql).type);
    return sql;
  }

  Query query() {
    Query made;
    const MatrixTable& table = pick(tables);
    const MatrixTable& other = pick(tables);
    const Scope x{{table, "x"}}, y{{other, "y"}}, both{{table, "x"}, {other, "y"}};
    const std::string from_x = " FROM " + table.name + " x", from_y = " FROM " + other.name + " y";
    made.shown.resize(2);
    switch (random_.below(9)) {
      case 0: {
        const std::string on = pick({"a", "b"}) == "a" ? column(x) + " = " + column(y)
                                                       : column(y) + compare() + operand(x, 1);
        made.sql = item(x, made.shown[0]) + ", " + item(y, made.shown[1]) + from_x +
                   pick({" JOIN ", " LEFT JOIN ", " LEFT JOIN "}) + other.name + " y ON " + on +
                   (one_in(3) ? " AND " + predicate(both, 0) : "") + where(one_in(2) ? x : both);
        made.sql.insert(0, "SELECT ");
        break;
      }
      case 1: {
        ResultSet::Column right[2];
        made.sql = "SELECT " + item(x, made.shown[0]) + ", " + item(x, made.shown[1]) + from_x +
                   where(x) + " UNION ALL SELECT " + item(y, right[0]) + ", " + item(y, right[1]) +
                   from_y + where(y);
        for (std::size_t i = 0; i < 2; ++i)
          if (made.shown[i].is_boolean != right[i].is_boolean ||
              made.shown[i].scale != right[i].scale)
            made.shown[i] = {};
        break;
      }
      case 2:  // which of two equal values comes is chance
        made.sql = "SELECT count(*) FROM (SELECT " + operand(x, 1) + from_x + where(x) +
                   pick({" UNION ", " EXCEPT ", " INTERSECT "}) + "SELECT " + operand(y, 1) +
                   from_y + where(y) + ")";
        made.shown = {{}};
        break;
      case 3:
        made.sql = "SELECT count(*)" + from_x + where(x) + " GROUP BY " + operand(x, 1);
        made.shown = {{}};
        break;
      case 4: {
        const std::string of = column(x);
        made.sql = "SELECT max(" + of + ")" + compare() + literal() + ", min(" + of + ") IN (" +
                   literal() + ", " + literal() + ")" + from_x + where(x);
        break;
      }
      case 5: {
        std::string of;
        made.shown = {shown_as(column(x, of).type)};
        made.sql = "SELECT " + of + from_x + where(x) + " ORDER BY " + of + pick({"", " DESC"}) +
                   pick({"", " LIMIT 3", " LIMIT 5 OFFSET 2"});
        made.ordered = true;
        break;
      }
      case 6: {  // the whole key, or nearly that
        std::string sql;
        for (const MatrixColumn& key : table.columns)
          if (key.in_key)
            sql += (sql.empty() ? " WHERE " : " AND ") + std::string("x.") + key.name +
                   (key.type == Type::timestamp ? kByTime : "") +
                   (one_in(3) ? " IN (" + literal() + ", " + of_side(stored(key.type), true) + ")"
                              : " = " + (one_in(2) ? literal() : of_side(stored(key.type), true)));
        made.sql = "SELECT " + item(x, made.shown[0]) + ", 1" + from_x + sql;
        break;
      }
      default:
        made.sql =
            "SELECT " + item(x, made.shown[0]) + ", " + item(x, made.shown[1]) + from_x + where(x);
    }
    return made;
  }

  std::string change() {
    std::vector<const MatrixTable*> typed;
    for (const MatrixTable& table : tables)
      if (table.name != "docs") typed.push_back(&table);
    const MatrixTable& table = *pick(typed);
    changed_ = table.name;
    std::string sql = change_of(table);
    changed_.clear();
    return sql;
  }
  std::string change_of(const MatrixTable& table) {
    // Under its own name: INSERT and UPDATE of both know no other one.
    const Scope scope{{table, table.name}};
    const MatrixColumn& column = pick(table.columns);
    switch (random_.below(10)) {
      case 0:
        return "DELETE FROM " + table.name + " WHERE " + predicate(scope, 1) + " AND " +
               predicate(scope, 0);
      case 1:
      case 2:
        if (!column.in_key)
          return "UPDATE " + table.name + " SET " + column.name + " = " + value(column) +
                 where(scope);
        [[fallthrough]];
      default: {
        std::string sql =
            pick({"INSERT OR IGNORE", "REPLACE"}) + " INTO " + table.name + " VALUES ";
        for (std::uint64_t rows = 1 + random_.below(4); rows > 0; --rows) {
          sql += "(";
          for (const MatrixColumn& each : table.columns) sql += value(each) + ", ";
          sql.replace(sql.size() - 2, 2, rows > 1 ? "), " : ")");
        }
        return sql;
      }
    }
  }

  std::string pick(std::initializer_list<std::string> list) {
    return list.begin()[random_.below(list.size())];
  }

  std::vector<MatrixTable> tables;

 private:
  Random& random_;
  std::string changed_;
  const std::vector<std::string> texts_ = {"'1'",
                                           "'1.0'",
                                           "'01'",
                                           "' 1'",
                                           "'1 '",
                                           "'1e0'",
                                           "''",
                                           "'a'",
                                           "'A'",
                                           "'true'",
                                           "'0.1'",
                                           "'-0'",
                                           "'10'",
                                           "'9007199254740993'",
                                           "'abc'",
                                           "'2020'",
                                           "'2020-01-01'",
                                           "'2020-01-01 00:00:00'",
                                           "'2020-01-01T10:00Z'",
                                           "'[1]'"};
};

std::string sorted(const std::string& reply) { return support::sorted_lines(reply, 2); }
bool is_error(const std::string& reply) { return reply.starts_with("ERROR"); }
// Without the names of the columns.
std::string rows_of(const std::string& reply) {
  const std::size_t names = reply.find('\n');
  const std::size_t first = names == std::string::npos ? names : reply.find('\n', names + 1);
  return first == std::string::npos ? "" : reply.substr(first);
}

// kimdb and SQLite, given the same.
struct Pair {
  Pair() {
    // Which finds no whole number that is the default of a DOUBLE: SQLite's own fault.
    plain.run("PRAGMA automatic_index = OFF");
    sqlite3_create_collation(plain.get(), "timestamp", SQLITE_UTF8, nullptr, compare_times);
  }

  void same(const std::string& sql, const std::vector<ResultSet::Column>& shown = {},
            bool ordered = false) {
    const std::string mine = of_side(sql, false), other = of_side(sql, true);
    CAPTURE(mine);
    CAPTURE(other);
    const std::string ours = kimdb.run(mine), theirs = plain.run(other, shown);
    CAPTURE(ours);
    CAPTURE(theirs);
    if (is_error(ours) || is_error(theirs)) {
      REQUIRE(is_error(ours) == is_error(theirs));
    } else if (ours != "OK") {
      const bool is_count = ours.find('\n') == std::string::npos && ours[0] != '*';
      if (is_count)
        REQUIRE(ours == theirs);
      else if (ordered)
        REQUIRE(rows_of(ours) == rows_of(theirs));
      else
        REQUIRE(rows_of(sorted(ours)) == rows_of(sorted(theirs)));
    }
  }
  bool both_take(const std::string& sql) {
    const std::string ours = kimdb.run(of_side(sql, false)), theirs = plain.run(of_side(sql, true));
    CAPTURE(of_side(sql, false));
    CAPTURE(ours);
    CAPTURE(theirs);
    REQUIRE(is_error(ours) == is_error(theirs));
    return !is_error(ours);
  }

  support::TestDb kimdb;
  PlainSqlite plain;
};

void add_documents(Pair& pair, Matrix& matrix) {
  // What a field of a document is to SQL.
  struct Field {
    const char* json;
    const char* sql;
  };
  constexpr Field kFields[] = {
      {"1", "1"},       {"30", "30"},         {"\"30\"", "'30'"},
      {"\"1\"", "'1'"}, {"\"01\"", "'01'"},   {"true", "1"},
      {"false", "0"},   {"null", "NULL"},     {"1.5", "1.5"},
      {"\"a\"", "'a'"}, {"\"\"", "''"},       {"[1]", "'[1]'"},
      {"10", "10"},     {"{}", "'{}'"},       {"\"10\"", "'10'"},
      {"-1", "-1"},     {"\"1.0\"", "'1.0'"}, {"9007199254740993", "9007199254740993"}};
  const std::vector<Field> fields(std::begin(kFields), std::end(kFields));
  pair.plain.run("CREATE TABLE docs (id TEXT, f, g)");
  for (int i = 0; i < 12; ++i) {
    const Field &f = matrix.pick(fields), &g = matrix.pick(fields);
    const std::string id = std::to_string(i);
    REQUIRE(pair.kimdb.run("DOC PUT docs " + id + " {\"f\": " + f.json + ", \"g\": " + g.json +
                           "}") != "");
    pair.plain.run("INSERT INTO docs VALUES ('" + id + "', " + f.sql + ", " + g.sql + ")");
  }
  REQUIRE(!is_error(pair.kimdb.run("INDEX CREATE docs (f)")));
  REQUIRE(!is_error(
      pair.kimdb.run(matrix.one_in(2) ? "INDEX CREATE docs (-g)" : "INDEX CREATE docs (g) HASH")));
  matrix.tables.push_back({.name = "docs",
                           .columns = {{.name = "id", .type = Type::text},
                                       {.name = "f", .type = Type::any},
                                       {.name = "g", .type = Type::any}}});
}

// kimdb's alone: what an index finds is what a scan finds.
void change_index(Pair& pair, Matrix& matrix) {
  const MatrixTable& table = matrix.tables[matrix.one_in(2) ? 0 : 1];
  const std::string name = table.name + (matrix.one_in(2) ? "_i" : "_j");
  std::string sql = "CREATE INDEX " + name + " ON " + table.name +
                    (matrix.one_in(3) ? " USING HASH (" : " (") + matrix.pick(table.columns).name;
  if (matrix.one_in(3)) sql += " DESC";
  if (matrix.one_in(3)) sql += ", " + matrix.pick(table.columns).name;
  if (is_error(pair.kimdb.run(sql + ")"))) pair.kimdb.run("DROP INDEX IF EXISTS " + name);
}

void add_or_drop_column(Pair& pair, Matrix& matrix, Random& random, int number) {
  MatrixTable& table = matrix.tables[random.below(2)];
  if (table.columns.size() > 6) {
    const MatrixColumn gone = table.columns.back();
    if (!gone.in_key &&
        pair.kimdb.run("ALTER TABLE " + table.name + " DROP " + gone.name) == "OK") {
      REQUIRE(!is_error(pair.plain.run("ALTER TABLE " + table.name + " DROP " + gone.name)));
      table.columns.pop_back();
    }
    return;
  }
  const MatrixColumn added{.name = table.name + "a" + std::to_string(number),
                           .type = static_cast<Type>(random.below(kTypes))};
  const std::string given = matrix.one_in(4) ? "NULL" : matrix.stored(added.type);
  REQUIRE(pair.both_take("ALTER TABLE " + table.name + " ADD COLUMN " + added.name + " " +
                         Matrix::type_name(added.type) + " DEFAULT " + given));
  table.columns.push_back(added);
}

}  // namespace

TEST_CASE("every type meets every other as in plain SQLite") {
  SeededRandom random(support::test_seed("every type meets every other as in plain SQLite"));
  const support::TestDeadline deadline(5);
  constexpr int kQueries = 10000;
  int queries = 0;
  do {
    Pair pair;
    Matrix matrix(random);
    for (const char* name : {"t", "u"}) {
      matrix.tables.push_back(matrix.table(name));
      REQUIRE(pair.both_take(matrix.create(matrix.tables.back())));
    }
    add_documents(pair, matrix);
    bool in_transaction = false;
    for (int i = 0; i < 15; ++i) pair.same(matrix.change());
    for (int step = 0; step < 250; ++step) {
      switch (random.below(20)) {
        case 0:
          if (!in_transaction) change_index(pair, matrix);
          break;
        case 1:
          pair.same(in_transaction ? (matrix.one_in(2) ? "COMMIT" : "ROLLBACK") : "BEGIN");
          in_transaction = !in_transaction;
          break;
        case 2:
          if (!in_transaction && matrix.one_in(2)) add_or_drop_column(pair, matrix, random, step);
          break;
        case 3:
        case 4:
          pair.same(matrix.change());
          break;
        default: {
          const Matrix::Query query = matrix.query();
          pair.same(query.sql, query.shown, query.ordered);
          ++queries;
        }
      }
    }
  } while (!deadline.passed() || queries < kQueries);
}

TEST_CASE("a CHECK holds for what it holds for in plain SQLite") {
  SeededRandom random(support::test_seed("a CHECK holds for what it holds for in plain SQLite"));
  const support::TestDeadline deadline(2);
  int taken = 0, refused = 0;
  do {
    Pair pair;
    Matrix matrix(random);
    MatrixTable table = matrix.table("t");
    for (MatrixColumn& column : table.columns) column.in_key = false;
    matrix.tables = {table};
    const Scope scope{{table, "t"}};
    const auto check = [&] {
      std::string sql = matrix.predicate(scope, 1);
      for (std::size_t at = 0; (at = sql.find("t.t", at)) != std::string::npos;) sql.erase(at, 2);
      return sql;
    };
    std::string sql = matrix.create(table);
    sql.pop_back();
    // No other table may be in it.
    std::string held = check();
    while (held.find("SELECT") != std::string::npos) held = check();
    if (!pair.both_take(sql + ", CHECK (" + held + "))")) continue;
    for (int i = 0; i < 20; ++i) {
      std::string row = "INSERT INTO t VALUES (";
      for (const MatrixColumn& column : table.columns) row += matrix.value(column) + ", ";
      row.resize(row.size() - 2);
      CAPTURE(held);
      CAPTURE(row);
      ++(pair.both_take(row + ")") ? taken : refused);
    }
  } while (!deadline.passed() || taken < 1000);
  CHECK(refused > 100);
}

}  // namespace kimdb::database::sql
