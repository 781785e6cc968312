#include "database/sql/query_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "database/sql/number_text.h"
#include "database/sql/token_reader.h"

namespace kimdb::database::sql {

namespace {

using engine::SqlValue;

// Of INSERT … VALUES, at once; of more the list grows.
constexpr std::size_t kRowsReserved = 4096;
// SQLite's own limit.
constexpr std::size_t kParametersMax = 32766;

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
    const bool inserts = token_.is_word("insert") || token_.is_word("replace");
    if (inserts) {
      const bool is_plain = take_target(query) && !has_with;  // WITH may have parameters as well
      if (token_.is_word("values") && is_plain) {
        const Token values = token_;
        const std::size_t end_of_values = end_;
        take_rows(query.rows);
        if (query.rows.width == 0) {  // read again, by what follows
          token_ = values;
          end_ = end_of_values;
        }
      }
    } else if (query.writes) {
      take_changed_table(query);
    }
    // The rest is SQLite's to read; only where it ends has to be known.
    std::size_t end = token_.offset;
    int depth = 0;
    while (token_.kind != Kind::end && !token_.is_symbol(";")) {
      if (query.writes && depth == 0 && (at_conflict_clause() || token_.is_word("returning")))
        break;
      if (token_.is_word("as") && next_token(text_, end_).is_word("of") && take_as_of(query)) break;
      if (token_.is_symbol("(")) ++depth;
      if (token_.is_symbol(")")) --depth;
      end = end_;
      advance();
    }
    query.text = text_.substr(query.offset, end - query.offset);
    while (at_conflict_clause() && query.writes)
      query.conflict_clauses.push_back(take_conflict_clause(query.offset));
    if (query.writes && take_word("returning")) query.returning = take_returning(query.offset);
    if (!query.conflict_clauses.empty() && !inserts) refuse("ON CONFLICT is for INSERT");
    finish();
    return query;
  }

 private:
  // --- what SQLite has not for virtual tables ---

  // A table may be called conflict: JOIN … ON conflict.id = …
  bool at_conflict_clause() const {
    if (!token_.is_word("on")) return false;
    const Token word = next_token(text_, end_);
    if (!word.is_word("conflict")) return false;
    const Token behind = next_token(text_, word.offset + word.text.size());
    return behind.is_symbol("(") || behind.is_word("do");
  }

  // ON CONFLICT [(a, b)] DO NOTHING | UPDATE SET … [WHERE …]
  ConflictClause take_conflict_clause(std::size_t statement) {
    advance();
    advance();
    ConflictClause clause;
    if (token_.is_symbol("(")) {
      clause.columns = take_names("a column");
      if (token_.is_word("where")) fail("there are no partial indexes");
    }
    expect_word("do");
    if (take_word("nothing")) return clause;
    expect_word("update");
    if (!token_.is_word("set")) fail();
    bool behind_distinct = false;
    clause.update = take_until(statement, [&] {
      // An UPDATE by itself has more.
      const bool is_from = token_.is_word("from") && !behind_distinct;
      if (is_from || token_.is_word("order") || token_.is_word("limit")) fail();
      behind_distinct = token_.is_word("distinct");
      return at_tail();
    });
    return clause;
  }
  bool at_tail() const { return at_conflict_clause() || token_.is_word("returning"); }

  std::string take_returning(std::size_t statement) {
    if (token_.is_word("distinct") || token_.is_word("all")) fail();
    std::string list = take_until(statement, [&] {
      // Of one row nothing can be counted, nor anything added to the rows.
      constexpr std::array<std::string_view, 3> kCompounds = {"union", "except", "intersect"};
      for (const std::string_view word : kCompounds)
        if (token_.is_word(word)) fail();
      return false;
    });
    if (list.empty()) fail();
    if (const std::string name = function_of_many(list); !name.empty())
      refuse("RETURNING is of one row: " + name + " is of several");
    return list;
  }

  // A function over several rows in a list of expressions, outside of all subqueries, as it is
  // written; empty: none.
  static std::string function_of_many(std::string_view list) {
    constexpr std::array<std::string_view, 7> kOfMany = {
        "count", "sum", "total", "avg", "group_concat", "json_group_array", "json_group_object"};
    std::vector<bool> in_subquery = {false};  // of each parenthesis that is open
    Token token = next_token(list, 0);
    while (token.kind != Kind::end) {
      const Token next = next_token(list, token.offset + token.text.size());
      const auto is_one_of = [&](const auto& words) {
        return std::any_of(words.begin(), words.end(),
                           [&](std::string_view word) { return token.is_word(word); });
      };
      if (token.is_symbol("("))
        in_subquery.push_back(in_subquery.back() || next.is_word("select") ||
                              next.is_word("with") || next.is_word("values"));
      if (token.is_symbol(")") && in_subquery.size() > 1) in_subquery.pop_back();
      if (!in_subquery.back() && next.is_symbol("(")) {
        const bool of_many = is_one_of(kOfMany) ||
                             (is_one_of(std::array<std::string_view, 2>{"min", "max"}) &&
                              !has_several_arguments(list, next)) ||
                             token.is_word("over") || token.is_word("filter");
        if (of_many) return std::string(token.text) + "()";
      }
      token = next;
    }
    return {};
  }
  // Of the call whose parenthesis begins there.
  static bool has_several_arguments(std::string_view list, Token token) {
    int depth = 0;
    for (; token.kind != Kind::end; token = next_token(list, token.offset + token.text.size())) {
      if (token.is_symbol("(")) ++depth;
      if (token.is_symbol(")") && --depth == 0) return false;
      if (depth == 1 && token.is_symbol(",")) return true;
    }
    return false;
  }

  // Up to the end of the statement, or to where `ends()` says so, outside of all parentheses.
  template <class Ends>
  std::string take_until(std::size_t statement, Ends&& ends) {
    const std::size_t begin = token_.offset;
    std::size_t end = begin;
    int depth = 0;
    bool has_parameters = false;
    while (token_.kind != Kind::end && !(depth == 0 && (token_.is_symbol(";") || ends()))) {
      if (token_.is_symbol("(")) ++depth;
      if (token_.is_symbol(")") && --depth < 0) fail();
      has_parameters = has_parameters || token_.kind == Kind::variable;
      end = end_;
      advance();
    }
    return has_parameters ? numbered(statement, begin, end)
                          : std::string(text_.substr(begin, end - begin));
  }

  // What stands there, each parameter as ?<number>: the number that SQLite would give it in the
  // whole statement, which begins at `statement`.
  std::string numbered(std::size_t statement, std::size_t begin, std::size_t end) const {
    std::string out;
    std::size_t last = 0, copied = begin;
    std::map<std::string_view, std::size_t> names;
    for (Token token = next_token(text_, statement); token.offset < end;
         token = next_token(text_, token.offset + token.text.size())) {
      if (token.kind != Kind::variable) continue;
      std::size_t number = last + 1;
      const std::string_view digits = token.text.substr(1);
      if (token.text[0] != '?') {
        number = names.try_emplace(token.text, number).first->second;
      } else if (!digits.empty()) {
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (read.ec != std::errc() || number == 0 || number > kParametersMax)
          throw Refused{syntax_error(text_, token.offset, "no such parameter")};
      }
      last = std::max(last, number);
      if (token.offset < begin) continue;
      out += text_.substr(copied, token.offset - copied);
      out += "?" + std::to_string(number);
      copied = token.offset + token.text.size();
    }
    return out + std::string(text_.substr(copied, end - copied));
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

  // UPDATE [OR …] table, DELETE FROM table
  void take_changed_table(Query& query) {
    if (take_word("delete")) {
      expect_word("from");
    } else {
      advance();
      if (take_word("or")) advance();
    }
    query.table = take_name("a table");
    if (take_symbol(".")) query.table = take_name("a table");
  }

  // INSERT [OR …] INTO table [AS alias] [(columns)]. False where SQLite has to say whether there is
  // such a table: temp.t
  bool take_target(Query& query) {
    if (token_.is_word("replace")) query.on_conflict = OnConflict::replace;
    advance();
    if (take_word("or")) {
      constexpr std::array<std::string_view, 5> kWords = {"abort", "fail", "rollback", "ignore",
                                                          "replace"};  // as OnConflict has them
      const auto* const word =
          std::find_if(kWords.begin(), kWords.end(),
                       [&](std::string_view each) { return token_.is_word(each); });
      if (word == kWords.end()) fail();
      query.on_conflict = static_cast<OnConflict>(word - kWords.begin());
      advance();
    }
    expect_word("into");
    query.table = take_name("a table");
    const bool has_schema = take_symbol(".");
    if (has_schema) query.table = take_name("a table");
    query.names_columns = token_.is_word("default");  // DEFAULT VALUES: none
    if (take_word("as")) query.alias = take_name("an alias");
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
    if (token_.kind != Kind::end && !token_.is_symbol(";") && !at_tail()) return;
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
