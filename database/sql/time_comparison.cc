#include "database/sql/time_comparison.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "base/ascii.h"
#include "database/sql/tokenizer.h"

namespace kimdb::database::sql {

namespace {

bool is_name(const Token& token) {
  return token.kind == Token::Kind::word || token.kind == Token::Kind::quoted;
}

template <std::size_t n>
bool is_one_of(const Token& token, const std::array<std::string_view, n>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return token.is_word(word); });
}

// Behind these an expression begins, if it is no list of names or tables.
bool begins_operand(const Token& before) {
  constexpr std::array<std::string_view, 22> kWords = {
      "select", "distinct", "all",    "where",     "and",    "or",      "not", "on",
      "having", "when",     "then",   "else",      "case",   "between", "by",  "is",
      "like",   "glob",     "escape", "returning", "filter", "match"};
  if (before.kind == Token::Kind::symbol)
    return !before.is_symbol(")") && !before.is_symbol(".") && !before.is_symbol(";");
  return before.kind == Token::Kind::word && is_one_of(before, kWords);
}

// Goes through a statement's tokens once.
class Rewriter {
 public:
  Rewriter(std::string_view sql, const std::function<bool(const std::string&)>& is_time_column)
      : sql_(sql), is_time_column_(is_time_column) {
    for (Token token = next_token(sql, 0);
         token.kind != Token::Kind::end && token.kind != Token::Kind::broken;
         token = next_token(sql, token.offset + token.text.size()))
      tokens_.push_back(token);
    tokens_.push_back({.kind = Token::Kind::end, .text = {}, .offset = sql.size()});
  }

  std::optional<std::string> run() {
    levels_.emplace_back();
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.is_symbol("("))
        open(i);
      else if (token.is_symbol(")"))
        close(i);
      else if (!see_clause(token) && is_name(token))
        see_name(i);
    }
    if (ends_.empty()) return std::nullopt;
    std::string out;
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      out += sql_.substr(begin, end - begin);
      out += " COLLATE ";
      out += kTimeCollation;
      begin = end;
    }
    return out + std::string(sql_.substr(begin));
  }

 private:
  // Within a pair of parentheses.
  struct Level {
    bool stays = false;  // a list of names, or part of what the next line names
    bool of_in = false;  // x IN (SELECT …): compared as x is, SQLite's modules know no other way
    bool in_items = false;  // of a SELECT, before its FROM
    bool is_value = false;  // a SELECT in the place of a value
    bool in_from = false;
    bool in_set = false;
    bool has_time = false;
  };

  std::size_t end_of(std::size_t i) const { return tokens_[i].offset + tokens_[i].text.size(); }
  bool is(std::size_t i, std::string_view word) const {
    return i < tokens_.size() && tokens_[i].is_word(word);
  }

  // Whether the token begins a clause: what stands between commas depends on it.
  bool see_clause(const Token& token) {
    constexpr std::array<std::string_view, 12> kOthers = {
        "where", "group",     "order",  "having", "limit",  "on",
        "union", "intersect", "except", "select", "window", "returning"};
    Level& level = levels_.back();
    if (token.is_word("from") || token.is_word("join")) {
      level.in_from = true;
      level.in_set = level.in_items = false;
    } else if (token.is_word("set")) {
      level.in_set = true;
    } else if (is_one_of(token, kOthers)) {
      level.in_from = level.in_set = false;
      level.in_items = token.is_word("select");
    } else {
      return false;
    }
    return true;
  }

  // (…) behind INSERT INTO t, USING, ON CONFLICT, and in WITH t (…) AS (…).
  bool is_list_of_names(std::size_t open) const {
    if (open == 0) return false;
    if (is(open - 1, "using") || is(open - 1, "conflict")) return true;
    if (!is_name(tokens_[open - 1])) return false;
    for (std::size_t i = open - 1; i > 0 && i + 4 > open; --i)
      if (is(i - 1, "into")) return true;
    std::size_t depth = 0, close = open;
    for (; close + 1 < tokens_.size(); ++close) {
      if (tokens_[close].is_symbol("(")) ++depth;
      if (tokens_[close].is_symbol(")") && --depth == 0) break;
    }
    return is(close + 1, "as") &&
           (is(close + 2, "not") || is(close + 2, "materialized") ||
            (close + 2 < tokens_.size() && tokens_[close + 2].is_symbol("(")));
  }

  void open(std::size_t i) {
    const Level& outer = levels_.back();
    Level level;
    const bool is_select = is(i + 1, "select") || is(i + 1, "with");
    level.stays = is_list_of_names(i) || outer.stays || (outer.of_in && outer.in_items);
    level.of_in = is_select && i > 0 && is(i - 1, "in");
    level.is_value = !level.stays && is_select && i > 0 && begins_operand(tokens_[i - 1]) &&
                     !(outer.in_from && tokens_[i - 1].is_symbol(","));
    levels_.push_back(level);
  }

  void close(std::size_t i) {
    if (levels_.size() == 1) return;
    const Level inner = levels_.back();
    levels_.pop_back();
    if (inner.is_value && inner.has_time && !is(i + 1, "collate")) ends_.push_back(end_of(i));
    levels_.back().has_time = levels_.back().has_time || inner.has_time;
  }

  void see_name(std::size_t i) {
    Level& level = levels_.back();
    const Token& next = tokens_[i + 1];
    if (level.stays || (level.of_in && level.in_items) || next.is_symbol(".") ||
        next.is_symbol("(") || next.is_word("collate") ||
        !is_time_column_(lower_case(tokens_[i].name())))
      return;
    std::size_t first = i;  // of "t.born"
    while (first >= 2 && tokens_[first - 1].is_symbol(".")) first -= 2;
    if (first == 0) return;
    const Token& before = tokens_[first - 1];
    const bool is_table = level.in_from && before.is_symbol(",");
    const bool is_target =
        level.in_set && next.is_symbol("=") && (before.is_word("set") || before.is_symbol(","));
    if (!begins_operand(before) || is_table || is_target) return;
    level.has_time = true;
    ends_.push_back(end_of(i));
  }

  const std::string_view sql_;
  const std::function<bool(const std::string&)>& is_time_column_;
  std::vector<Token> tokens_;
  std::vector<Level> levels_;
  std::vector<std::size_t> ends_;  // behind which the collation is written
};

}  // namespace

void forgo_bloom_filters(sqlite3* handle) {
  constexpr unsigned kBloomFilter = 0x80000;  // SQLITE_BloomFilter of sqliteInt.h
  sqlite3_test_control(SQLITE_TESTCTRL_OPTIMIZATIONS, handle, kBloomFilter);
}

std::optional<std::string> with_time_collation(
    std::string_view sql, const std::function<bool(const std::string& name)>& is_time_column) {
  return Rewriter(sql, is_time_column).run();
}

ColumnsByTime columns_by_time(sqlite3* handle, const std::string& table) {
  ColumnsByTime columns;
  const std::string sql = "SELECT * FROM " + quoted_name(table);
  sqlite3_stmt* made = nullptr;
  sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &made, nullptr);
  const StatementPointer statement(made);
  for (int i = 0; i < sqlite3_column_count(made); ++i) {
    const std::string name = sqlite3_column_name(made, i);
    const char* collation = nullptr;
    sqlite3_table_column_metadata(handle, nullptr, table.c_str(), name.c_str(), nullptr, &collation,
                                  nullptr, nullptr, nullptr);
    const bool is_time =
        collation != nullptr && equals_ignoring_case(std::string_view(collation), kTimeCollation);
    (is_time ? columns.times : columns.others).insert(lower_case(name));
  }
  return columns;
}

std::optional<std::string> with_time_collation(std::string_view sql, const TablesByTime& tables) {
  std::vector<const ColumnsByTime*> named;
  for (Token token = next_token(sql, 0);
       token.kind != Token::Kind::end && token.kind != Token::Kind::broken;
       token = next_token(sql, token.offset + token.text.size())) {
    if (!is_name(token)) continue;
    if (const auto table = tables.find(lower_case(token.name())); table != tables.end())
      named.push_back(&table->second);
  }
  if (std::all_of(named.begin(), named.end(),
                  [](const ColumnsByTime* columns) { return columns->times.empty(); }))
    return std::nullopt;
  return with_time_collation(sql, [&](const std::string& name) {
    bool is_time = false;
    for (const ColumnsByTime* columns : named) {
      if (columns->others.contains(name)) return false;
      is_time = is_time || columns->times.contains(name);
    }
    return is_time;
  });
}

}  // namespace kimdb::database::sql
