#include "database/sql/query_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "database/sql/number_text.h"
#include "database/sql/token_reader.h"

namespace kimdb::database::sql {

namespace {

using engine::SqlValue;

// Of INSERT … VALUES, at once; of more the list grows.
constexpr std::size_t kRowsReserved = 4096;

class QueryReader : private TokenReader {
 public:
  explicit QueryReader(std::string_view text) : TokenReader(text) {}

  Query query() {
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
    finish();
    return query;
  }

 private:
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
    const std::size_t begin = token_.offset;
    do {
      if (!take_symbol("(")) return;
      const std::size_t before = taken.values.size();
      do {
        if (!take_value(taken)) return;
      } while (take_symbol(","));
      if (!take_symbol(")")) return;
      const std::size_t count = taken.values.size() - before;
      if (width != 0 && count != width) return;
      if (width == 0 && token_.is_symbol(","))
        taken.values.reserve(count * std::min(rows_expected(begin), kRowsReserved));
      width = count;
    } while (take_symbol(","));
    if (token_.kind != Kind::end && !token_.is_symbol(";")) return;
    taken.width = width;
    rows = std::move(taken);
  }

  // Where the first one, which began there, is as long as the others.
  std::size_t rows_expected(std::size_t begin) const {
    return (text_.size() - begin) / (token_.offset - begin) + 1;
  }

  bool take_value(ValueList& list) {
    const bool negative = take_symbol("-");
    ValueList::Value& value = list.values.emplace_back();
    switch (token_.kind) {
      case Kind::number: {
        const auto number = plain_number(token_.text);
        if (!number) return false;
        // One by one: a copy of all that was written right before has to wait for it.
        value.literal.kind = number->kind;
        value.literal.integer = negative ? -number->integer : number->integer;
        value.literal.real = negative ? -number->real : number->real;
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
    advance();
    return true;
  }
};

}  // namespace

Query read_query(std::string_view text) { return QueryReader(text).query(); }

}  // namespace kimdb::database::sql
