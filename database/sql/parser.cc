#include "database/sql/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "database/sql/query_reader.h"
#include "database/sql/token_reader.h"

namespace kimdb::database::sql {

namespace {

using engine::Column;
using engine::ColumnType;
using engine::TableIndex;
using engine::TableSchema;

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

// Of the statements that are kimdb's own.
class OwnReader : private TokenReader {
 public:
  explicit OwnReader(std::string_view text) : TokenReader(text) {}

  // Nothing where it begins like none of them.
  std::optional<Statement> statement() {
    std::optional<Statement> parsed = any();
    if (parsed) finish();
    return parsed;
  }

 private:
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
  std::string from_table() {
    expect_word("from");
    return take_name("a table");
  }

  // --- statements ---

  std::optional<Statement> any() {
    if (take_word("create")) return create();
    if (take_word("drop")) return drop();
    if (take_word("alter")) return alter();
    if (take_word("begin")) {
      if (!take_word("transaction")) take_word("work");
      return begin();
    }
    if (take_word("start")) {
      expect_word("transaction");
      return begin();
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
    return std::nullopt;
  }

  // BEGIN [ISOLATION LEVEL] SERIALIZABLE | SNAPSHOT | REPEATABLE READ
  Statement begin() {
    const bool level = take_word("isolation");
    if (level) expect_word("level");
    if (take_word("serializable")) return Simple::begin_serializable;
    if (take_word("snapshot")) return Simple::begin;
    if (take_word("repeatable")) {
      expect_word("read");
      return Simple::begin;
    }
    if (level) fail("the levels are SERIALIZABLE and SNAPSHOT (which REPEATABLE READ means, too)");
    return Simple::begin;
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
    finish_table(made.schema);
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
    if (column.type == ColumnType::decimal) {
      column.precision = length;
      if (take_symbol(",")) column.scale = take_number();
      if (length == 0 || length > engine::kPrecisionMax || column.scale > length)
        refuse("column " + column.name + " has 1 to " + std::to_string(engine::kPrecisionMax) +
               " digits, and not more of them behind the point");
    }
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
    while (take_word("on")) {
      const bool deletes = take_word("delete");
      if (!deletes && !take_word("update")) fail("ON DELETE or ON UPDATE");
      (deletes ? key.on_delete : key.on_update) = take_action();
    }
    schema.foreign_keys.push_back(std::move(key));
  }
  engine::ForeignKey::Action take_action() {
    using Action = engine::ForeignKey::Action;
    if (take_word("cascade")) return Action::cascade;
    if (take_word("restrict")) return Action::none;
    if (take_word("no")) {
      expect_word("action");
      return Action::none;
    }
    if (take_word("set")) {
      if (take_word("null")) return Action::set_null;
      if (take_word("default")) return Action::set_default;
    }
    fail("RESTRICT, NO ACTION, CASCADE, SET NULL or SET DEFAULT");
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
  void finish_table(TableSchema& schema) {
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

  struct Later {
    enum class Kind : std::uint8_t { primary_key, unique, foreign_key };
    Kind kind = Kind::unique;
    std::string name;
    std::vector<std::string> columns;
    engine::ForeignKey foreign_key;
  };

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
  if (token.kind == Token::Kind::end)
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
    if (auto own = OwnReader(text).statement()) return *std::move(own);
    return Statement(read_query(text));
  } catch (Refused& refused) {
    return std::move(refused.error);
  }
}

}  // namespace kimdb::database::sql
