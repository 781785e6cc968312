#include "database/sql/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "database/sql/number_text.h"
#include "database/sql/tokenizer.h"

namespace kimdb::database::sql {

namespace {

using engine::Column;
using engine::ColumnType;
using engine::SqlValue;
using engine::TableIndex;

using engine::TableSchema;
using Kind = Token::Kind;

struct TypeName {
  std::string_view name;
  ColumnType type;
};
constexpr std::array kTypes = {
    TypeName{"int", ColumnType::integer},         TypeName{"integer", ColumnType::integer},
    TypeName{"smallint", ColumnType::integer},    TypeName{"tinyint", ColumnType::integer},
    TypeName{"bigint", ColumnType::bigint},       TypeName{"double", ColumnType::real},
    TypeName{"float", ColumnType::real},          TypeName{"real", ColumnType::real},
    TypeName{"decimal", ColumnType::decimal},     TypeName{"numeric", ColumnType::decimal},
    TypeName{"varchar", ColumnType::text},        TypeName{"char", ColumnType::text},
    TypeName{"text", ColumnType::text},           TypeName{"string", ColumnType::text},
    TypeName{"boolean", ColumnType::boolean},     TypeName{"bool", ColumnType::boolean},
    TypeName{"timestamp", ColumnType::timestamp}, TypeName{"datetime", ColumnType::timestamp},
    TypeName{"json", ColumnType::json},           TypeName{"blob", ColumnType::blob},
};

// Thrown within this file, and caught at its border: a grammar's depth is no place for results.
struct Refused {
  Error error;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { advance(); }

  Statement statement() {
    Statement parsed = any();
    take_symbol(";");
    if (token_.kind != Kind::end) fail();
    return parsed;
  }

 private:
  // --- tokens ---

  void advance() {
    token_ = next_token(text_, end_);
    end_ = token_.offset + token_.text.size();
    if (token_.kind == Kind::broken) fail();
  }
  [[noreturn]] void fail(std::string_view what = {}) const {
    throw Refused{syntax_error(text_, token_.offset, what)};
  }
  [[noreturn]] static void refuse(std::string what) {
    throw Refused{{ErrorCode::invalid_argument, std::move(what)}};
  }
  bool take_word(std::string_view keyword) {
    if (!token_.is_word(keyword)) return false;
    advance();
    return true;
  }
  void expect_word(std::string_view keyword) {
    if (!take_word(keyword)) fail();
  }
  bool take_symbol(std::string_view symbol) {
    if (!token_.is_symbol(symbol)) return false;
    advance();
    return true;
  }
  void expect_symbol(std::string_view symbol) {
    if (!take_symbol(symbol)) fail();
  }
  bool at_name() const { return token_.kind == Kind::word || token_.kind == Kind::quoted; }
  // Also of what is no typed table: collections have other names.
  std::string take_any_name(std::string_view of_what) {
    if (!at_name()) fail("the name of " + std::string(of_what) + " is missing");
    std::string name = token_.name();
    advance();
    return name;
  }
  std::string take_name(std::string_view of_what) {
    if (at_name() && !engine::is_sql_name(token_.name()))
      fail("a name has letters, digits and _, and is at most 128 long");
    return take_any_name(of_what);
  }
  std::uint32_t take_number() {
    std::uint32_t number = 0;
    const auto [end, error] =
        std::from_chars(token_.text.data(), token_.text.data() + token_.text.size(), number);
    if (token_.kind != Kind::number || error != std::errc() ||
        end != token_.text.data() + token_.text.size())
      fail("a whole number is missing");
    advance();
    return number;
  }
  bool take_if(std::string_view not_word) {
    if (!take_word("if")) return false;
    if (!not_word.empty()) expect_word(not_word);
    expect_word("exists");
    return true;
  }
  // What stands in parentheses, without them.
  std::string take_parenthesized() {
    if (!token_.is_symbol("(")) fail();
    const std::size_t begin = end_;
    std::size_t depth = 0;
    for (;;) {
      if (token_.is_symbol("(")) ++depth;
      if (token_.is_symbol(")") && --depth == 0) break;
      if (token_.kind == Kind::end) fail("a parenthesis is not closed");
      advance();
    }
    const std::string_view inner = text_.substr(begin, token_.offset - begin);
    advance();
    return trimmed(inner);
  }
  static std::string trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\f\v";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
  }
  // (a, b)
  std::vector<std::string> take_names(std::string_view of_what) {
    expect_symbol("(");
    std::vector<std::string> names;
    do names.push_back(take_name(of_what));
    while (take_symbol(","));
    expect_symbol(")");
    return names;
  }

  std::string from_table() {
    expect_word("from");
    return take_name("a table");
  }

  // --- statements ---

  Statement any() {
    if (take_word("create")) return create();
    if (take_word("drop")) return drop();
    if (take_word("alter")) return alter();
    if (take_word("begin")) {
      if (!take_word("transaction")) take_word("work");
      return Simple::begin;
    }
    if (take_word("start")) {
      expect_word("transaction");
      return Simple::begin;
    }
    if (take_word("commit") || take_word("end")) return end_of_transaction(Simple::commit);
    if (take_word("rollback")) return end_of_transaction(Simple::rollback);
    if (take_word("show")) {
      if (take_word("tables")) return Simple::show_tables;
      if (take_word("status")) return Simple::show_status;
      if (take_word("columns")) {
        expect_word("from");
        return Describe{take_any_name("a table")};
      }
      if (take_word("indexes") || take_word("index"))
        return ShowIndexes{token_.kind == Kind::end ? std::string() : from_table()};
      fail("SHOW takes TABLES, COLUMNS, INDEXES or STATUS; SHOW PROCESSLIST is a command");
    }
    if (take_word("describe") || take_word("desc")) return Describe{take_any_name("a table")};
    if (take_word("vacuum")) return Vacuum{at_name() ? take_name("a table") : std::string()};
    return query();
  }

  Statement end_of_transaction(Simple which) {
    if (!take_word("transaction")) take_word("work");
    return which;
  }

  Statement create() {
    if (take_word("table")) return create_table();
    const bool unique = take_word("unique");
    if (take_word("index")) return create_index(unique);
    fail("CREATE makes a TABLE or an INDEX");
  }

  Statement create_table() {
    CreateTable made;
    made.if_not_exists = take_if("not");
    made.schema.name = take_name("a table");
    expect_symbol("(");
    do {
      if (!table_constraint(made.schema)) column_of(made.schema);
    } while (take_symbol(","));
    expect_symbol(")");
    if (made.schema.columns.size() > engine::kColumnsMax)
      refuse("a table has at most " + std::to_string(engine::kColumnsMax) + " columns");
    finish(made.schema);
    return made;
  }

  Statement create_index(bool unique) {
    CreateIndex made{.unique = unique};
    made.if_not_exists = take_if("not");
    made.name = take_name("an index");
    expect_word("on");
    made.table = take_name("a table");
    if (take_word("using")) {
      made.hash = take_word("hash");
      if (!made.hash && !take_word("btree")) fail("an index is USING HASH or BTREE");
    }
    expect_symbol("(");
    do {
      IndexColumn& column = made.columns.emplace_back(IndexColumn{take_name("a column")});
      column.descending = take_word("desc");
      if (!column.descending) take_word("asc");
    } while (take_symbol(","));
    expect_symbol(")");
    return made;
  }

  Statement drop() {
    if (take_word("table")) {
      const bool if_exists = take_if("");
      return DropTable{take_name("a table"), if_exists};
    }
    if (take_word("index")) {
      const bool if_exists = take_if("");
      return DropIndex{take_name("an index"), if_exists};
    }
    fail("DROP takes a TABLE or an INDEX");
  }

  Statement alter() {
    expect_word("table");
    AlterTable altered;
    altered.table = take_name("a table");
    if (take_word("add")) {
      take_word("column");
      TableSchema one;
      column_of(one);
      if (!one.primary_key.empty() || !one.indexes.empty())
        refuse("a column that is added cannot be PRIMARY KEY or UNIQUE: make an index");
      altered.added = std::move(one.columns[0]);
      altered.checks = std::move(one.checks);
      if (!one.foreign_keys.empty()) altered.foreign_key = std::move(one.foreign_keys[0]);
    } else if (take_word("drop")) {
      altered.kind = AlterTable::Kind::drop_column;
      take_word("column");
      altered.column = take_name("a column");
    } else if (take_word("rename")) {
      altered.kind = AlterTable::Kind::rename_table;
      if (!take_word("to")) {
        altered.kind = AlterTable::Kind::rename_column;
        take_word("column");
        altered.column = take_name("a column");
        expect_word("to");
      }
      altered.name = take_name("what it is to be called");
    } else {
      fail("ALTER TABLE takes ADD, DROP or RENAME");
    }
    return altered;
  }

  // --- CREATE TABLE ---

  void column_of(TableSchema& schema) {
    const auto place = static_cast<std::uint32_t>(schema.columns.size());
    Column column;
    column.name = take_name("a column");
    if (schema.find_column(column.name)) refuse("duplicate column: " + column.name);
    take_type(column);
    schema.columns.push_back(std::move(column));
    while (column_constraint(schema, place)) {
    }
  }

  void take_type(Column& column) {
    if (token_.kind != Kind::word) fail("the type of column " + column.name + " is missing");
    const auto* const found = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& each) {
      return token_.is_word(each.name);
    });
    if (found == kTypes.end())
      fail("unknown type " + std::string(token_.text) + " of column " + column.name);
    const bool has_length = token_.is_word("varchar") || token_.is_word("char");
    const bool is_double = token_.is_word("double");
    column.type = found->type;
    advance();
    if (is_double) take_word("precision");
    if (!take_symbol("(")) return;
    const std::uint32_t length = take_number();
    if (column.type == ColumnType::decimal && take_symbol(",")) take_number();
    expect_symbol(")");
    if (has_length && length == 0) refuse("column " + column.name + " has no length");
    if (has_length) column.length_max = length;
  }

  // False where there is none.
  bool column_constraint(TableSchema& schema, std::uint32_t place) {
    std::string name;
    const bool named = take_word("constraint");
    if (named) name = take_name("a constraint");
    Column& column = schema.columns[place];
    if (take_word("primary")) {
      expect_word("key");
      if (!take_word("asc")) take_word("desc");
      set_primary_key(schema, {place});
    } else if (take_word("auto_increment") || take_word("autoincrement")) {
      schema.auto_increment = true;
      auto_increment_ = place;
    } else if (take_word("not")) {
      expect_word("null");
      column.not_null = true;
    } else if (take_word("null")) {
      column.not_null = false;
    } else if (take_word("unique")) {
      add_unique(schema, name, {place});
    } else if (take_word("default")) {
      column.default_sql = take_default();
    } else if (take_word("check")) {
      schema.checks.push_back({name, take_parenthesized()});
    } else if (take_word("references")) {
      take_reference(schema, {place});
    } else if (named) {
      fail();
    } else {
      return false;
    }
    return true;
  }

  // A number with its sign, a string, a blob, NULL, TRUE, FALSE, CURRENT_TIMESTAMP … or
  // (expression).
  std::string take_default() {
    if (token_.is_symbol("(")) return take_parenthesized();
    std::string sql;
    if (token_.is_symbol("-") || token_.is_symbol("+")) {
      sql = token_.text;
      advance();
      if (token_.kind != Kind::number) fail();
    }
    constexpr std::array<std::string_view, 6> kWords = {
        "null", "true", "false", "current_timestamp", "current_date", "current_time"};
    const bool is_constant =
        token_.kind == Kind::number || token_.kind == Kind::string || token_.kind == Kind::blob ||
        std::any_of(kWords.begin(), kWords.end(),
                    [&](std::string_view word) { return token_.is_word(word); });
    if (!is_constant) fail("a default is a constant, or an expression in parentheses");
    sql += token_.text;
    advance();
    return sql;
  }

  bool table_constraint(TableSchema& schema) {
    std::string name;
    const bool named = take_word("constraint");
    if (named) name = take_name("a constraint");
    if (take_word("primary")) {
      expect_word("key");
      later_.push_back({Later::Kind::primary_key, name, take_names("a column"), {}});
    } else if (take_word("unique")) {
      if (!take_word("key")) take_word("index");
      later_.push_back({Later::Kind::unique, name, take_names("a column"), {}});
    } else if (take_word("check")) {
      schema.checks.push_back({name, take_parenthesized()});
    } else if (take_word("foreign")) {
      expect_word("key");
      Later key{Later::Kind::foreign_key, name, take_names("a column"), {}};
      expect_word("references");
      TableSchema reference;
      take_reference(reference, {});
      key.foreign_key = std::move(reference.foreign_keys[0]);
      later_.push_back(std::move(key));
    } else if (named) {
      fail();
    } else {
      return false;
    }
    return true;
  }

  void take_reference(TableSchema& schema, std::vector<std::uint32_t> columns) {
    engine::ForeignKey key{
        .columns = std::move(columns), .table = take_name("a table"), .referenced = {}};
    if (token_.is_symbol("(")) key.referenced = take_names("a column");
    if (take_word("on")) fail("rows that refer to others are never changed with them: no ON here");
    schema.foreign_keys.push_back(std::move(key));
  }

  static void set_primary_key(TableSchema& schema, std::vector<std::uint32_t> places) {
    if (!schema.primary_key.empty())
      refuse("table " + schema.name + " has more than one primary key");
    for (const std::uint32_t place : places) schema.columns[place].not_null = true;
    schema.primary_key = std::move(places);
  }

  static void add_unique(TableSchema& schema, std::string name, std::vector<std::uint32_t> places) {
    if (name.empty()) {
      name = schema.name;
      for (const std::uint32_t place : places) name += "_" + schema.columns[place].name;
    }
    for (const TableIndex& index : schema.indexes)
      if (equals_ignoring_case(index.name, name)) refuse("duplicate index: " + name);
    const std::vector<bool> descending(places.size(), false);
    schema.indexes.push_back({.name = std::move(name),
                              .columns = std::move(places),
                              .descending = descending,
                              .unique = true,
                              .hash = false});
  }

  // What names columns that may stand behind it.
  void finish(TableSchema& schema) {
    if (schema.columns.empty()) refuse("table " + schema.name + " has no columns");
    for (Later& later : later_) {
      std::vector<std::uint32_t> places = places_of(schema, later.columns);
      if (later.kind == Later::Kind::primary_key) {
        set_primary_key(schema, std::move(places));
      } else if (later.kind == Later::Kind::unique) {
        add_unique(schema, later.name, std::move(places));
      } else {
        later.foreign_key.columns = std::move(places);
        schema.foreign_keys.push_back(std::move(later.foreign_key));
      }
    }
    for (const engine::ForeignKey& key : schema.foreign_keys)
      if (!key.referenced.empty() && key.referenced.size() != key.columns.size())
        refuse("a foreign key has as many columns as it refers to");
    if (!schema.auto_increment) return;
    const bool is_key = schema.primary_key == std::vector<std::uint32_t>{auto_increment_} &&
                        (schema.columns[auto_increment_].type == ColumnType::integer ||
                         schema.columns[auto_increment_].type == ColumnType::bigint);
    if (!is_key) refuse("AUTO_INCREMENT is for a primary key of one INT or BIGINT");
  }

  static std::vector<std::uint32_t> places_of(const TableSchema& schema,
                                              const std::vector<std::string>& names) {
    std::vector<std::uint32_t> places;
    for (const std::string& name : names) {
      const auto place = schema.find_column(name);
      if (!place) refuse("unknown column: " + name);
      if (std::find(places.begin(), places.end(), *place) != places.end())
        refuse("column " + name + " is named twice");
      places.push_back(*place);
    }
    return places;
  }

  // --- for SQLite ---

  Statement query() {
    Query query;
    if (take_word("explain")) {
      query.explain = Query::Explain::plan;
      if (take_word("query"))
        expect_word("plan");
      else if (take_word("analyze"))
        query.explain = Query::Explain::analyze;
    }
    query.offset = token_.offset;
    const bool has_with = token_.is_word("with");
    if (has_with) skip_with();
    constexpr std::array<std::string_view, 4> kWrites = {"insert", "replace", "update", "delete"};
    query.writes = std::any_of(kWrites.begin(), kWrites.end(),
                               [&](std::string_view verb) { return token_.is_word(verb); });
    if (!query.writes && !token_.is_word("select") && !token_.is_word("values"))
      fail(token_.kind == Kind::end ? "a statement is missing" : "");
    if (token_.is_word("insert") || token_.is_word("replace")) {
      const bool is_plain = take_target(query) && !has_with;  // WITH may have parameters as well
      if (token_.is_word("values") && is_plain) take_rows(query.rows);
    }
    // The rest is SQLite's to read; only where it ends has to be known.
    std::size_t end = token_.offset;
    while (token_.kind != Kind::end && !token_.is_symbol(";")) {
      // SQLite's virtual tables show what a statement gave, not what was stored.
      if (query.writes && token_.is_word("returning")) fail("RETURNING is not supported");
      if (token_.is_word("as") && next_token(text_, end_).is_word("of") && take_as_of(query)) break;
      end = end_;
      advance();
    }
    query.text = text_.substr(query.offset, end - query.offset);
    return query;
  }

  // WITH a AS (…), b(c) AS (…)
  void skip_with() {
    advance();
    take_word("recursive");
    do {
      take_name("what WITH defines");
      if (token_.is_symbol("(")) take_parenthesized();
      expect_word("as");
      if (take_word("not")) {
        expect_word("materialized");
      } else {
        take_word("materialized");
      }
      take_parenthesized();
    } while (take_symbol(","));
  }

  // AS OF 1-4711, or '1-4711', at the end. False where it is a name for a column: x AS of
  bool take_as_of(Query& query) {
    const Token of = next_token(text_, end_);
    const Token position = next_token(text_, of.offset + of.text.size());
    if (position.kind != Kind::string && position.kind != Kind::number) return false;
    if (query.writes) fail("AS OF is for SELECT");
    advance();
    advance();
    query.as_of = token_.name();
    advance();
    if (take_symbol("-")) {
      query.as_of += "-" + std::string(token_.text);
      advance();
    }
    return true;
  }

  // INSERT [OR …] INTO table [AS alias] [(columns)]. False where SQLite has to say whether there is
  // such a table: temp.t
  bool take_target(Query& query) {
    if (token_.is_word("replace")) query.on_conflict = OnConflict::replace;
    advance();
    if (take_word("or")) {
      constexpr std::array<std::string_view, 3> kRefuse = {"abort", "fail", "rollback"};
      if (token_.is_word("replace"))
        query.on_conflict = OnConflict::replace;
      else if (token_.is_word("ignore"))
        query.on_conflict = OnConflict::ignore;
      else if (std::none_of(kRefuse.begin(), kRefuse.end(),
                            [&](std::string_view word) { return token_.is_word(word); }))
        fail();
      advance();
    }
    expect_word("into");
    query.table = take_name("a table");
    const bool has_schema = take_symbol(".");
    if (has_schema) query.table = take_name("a table");
    query.names_columns = token_.is_word("default");  // DEFAULT VALUES: none
    if (take_word("as")) take_name("an alias");
    if (token_.is_symbol("(")) {
      query.columns = take_names("a column");
      query.names_columns = true;
    }
    return !has_schema;
  }

  // VALUES (…), …, up to the end. Leaves `rows` empty where there is more in it than they can hold.
  void take_rows(ValueList& rows) {
    advance();
    ValueList taken;
    std::size_t width = 0;
    do {
      if (!take_symbol("(")) return;
      const std::size_t before = taken.values.size();
      do {
        if (!take_value(taken)) return;
      } while (take_symbol(","));
      if (!take_symbol(")")) return;
      const std::size_t count = taken.values.size() - before;
      if (width != 0 && count != width) return;
      width = count;
    } while (take_symbol(","));
    if (token_.kind != Kind::end && !token_.is_symbol(";")) return;
    taken.width = width;
    rows = std::move(taken);
  }

  bool take_value(ValueList& list) {
    const bool negative = take_symbol("-");
    ValueList::Value value;
    switch (token_.kind) {
      case Kind::number: {
        const auto number = plain_number(token_.text);
        if (!number) return false;
        value.literal = *number;
        if (negative) value.literal.integer = -number->integer;
        if (negative) value.literal.real = -number->real;
        break;
      }
      case Kind::string:
        // SQLite's text ends at a zero byte.
        if (token_.text.find('\0') != std::string_view::npos) return false;
        value.literal =
            SqlValue::text(token_.text.find('\'', 1) == token_.text.size() - 1
                               ? token_.text.substr(1, token_.text.size() - 2)
                               : std::string_view(list.unquoted.emplace_back(token_.name())));
        break;
      case Kind::variable:
        if (token_.text != "?") return false;
        value.is_parameter = true;
        break;
      case Kind::word:
        if (token_.is_word("true") || token_.is_word("false"))
          value.literal = SqlValue::of(std::int64_t{token_.is_word("true")});
        else if (!token_.is_word("null"))
          return false;
        break;
      default:
        return false;
    }
    if (negative && token_.kind != Kind::number) return false;
    list.values.push_back(value);
    advance();
    return true;
  }

  struct Later {
    enum class Kind : std::uint8_t { primary_key, unique, foreign_key };
    Kind kind = Kind::unique;
    std::string name;
    std::vector<std::string> columns;
    engine::ForeignKey foreign_key;
  };

  const std::string_view text_;
  Token token_;
  std::size_t end_ = 0;  // of token_
  std::vector<Later> later_;
  std::uint32_t auto_increment_ = 0;  // its column
};

}  // namespace

Error syntax_error(std::string_view text, std::size_t offset, std::string_view what) {
  std::string message = "syntax error at position " + std::to_string(offset + 1);
  const Token token = next_token(text, offset);
  // Of what is long the beginning, in whole code points.
  std::size_t shown = std::min<std::size_t>(token.text.size(), 40);
  while (shown > 0 && shown < token.text.size() && (token.text[shown] & 0xc0) == 0x80) --shown;
  if (token.kind == Kind::end)
    message += ", the end";
  else
    message += " near '" + std::string(token.text.substr(0, shown)) + "'";
  if (!what.empty()) message += ": " + std::string(what);
  return {ErrorCode::invalid_argument, std::move(message)};
}

Result<Statement> parse_statement(std::string_view text) {
  // What it defines is kept as JSON.
  if (!is_utf8(text)) return Error{ErrorCode::invalid_argument, "the statement is not valid UTF-8"};
  try {
    return Parser(text).statement();
  } catch (Refused& refused) {
    return std::move(refused.error);
  }
}

}  // namespace kimdb::database::sql
