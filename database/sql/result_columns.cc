#include "database/sql/result_columns.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/ascii.h"
#include "database/sql/tokenizer.h"

namespace kimdb::database::sql {

namespace {

using Column = ResultSet::Column;

// A statement with more ways through its UNIONs than this shows plain numbers.
constexpr std::size_t kWaysMax = 64;

bool is_compound_operator(const Token& token) {
  return token.is_word("union") || token.is_word("except") || token.is_word("intersect");
}

// A SELECT of several, and where its parts stand in the statement.
struct Compound {
  std::size_t end = 0;  // of all of it, with ORDER BY and LIMIT
  struct Arm {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::vector<Arm> arms;
};

// The first one in the text. SQLite's words for it are reserved: no name looks like them.
std::optional<Compound> find_compound(std::string_view sql) {
  struct Level {
    std::size_t begin = std::string_view::npos;  // of the arm at hand: its SELECT or VALUES
    bool ended = false;                          // by ORDER BY or LIMIT
    Compound found;
  };
  std::vector<Level> levels(1);
  std::size_t end = 0;
  const auto finish = [&](std::size_t at) -> std::optional<Compound> {
    Level& level = levels.back();
    if (level.found.arms.empty()) return std::nullopt;
    if (!level.ended) level.found.arms.push_back({level.begin, at});
    level.found.end = at;
    return std::move(level.found);
  };
  for (;;) {
    const Token token = next_token(sql, end);
    end = token.offset + token.text.size();
    Level& level = levels.back();
    if (token.kind == Token::Kind::end || token.kind == Token::Kind::broken || token.is_symbol(";"))
      return finish(token.offset);
    if (token.is_symbol("(")) {
      levels.emplace_back();
    } else if (token.is_symbol(")")) {
      if (auto found = finish(token.offset)) return found;
      if (levels.size() > 1) levels.pop_back();
    } else if (is_compound_operator(token)) {
      level.found.arms.push_back({level.begin, token.offset});
      level.begin = std::string_view::npos;
    } else if (token.is_word("select") || token.is_word("values")) {
      if (level.begin == std::string_view::npos) level.begin = token.offset;
    } else if ((token.is_word("order") || token.is_word("limit")) && !level.found.arms.empty() &&
               !level.ended) {
      level.found.arms.push_back({level.begin, token.offset});
      level.ended = true;
    }
  }
}

// The statement's texts with one SELECT in the place of each compound, in all combinations; false
// where there are too many.
bool add_ways(const std::string& sql, std::vector<std::string>& ways) {
  const auto compound = find_compound(sql);
  if (!compound) {
    ways.push_back(sql);
    return ways.size() <= kWaysMax;
  }
  const std::size_t begin = compound->arms.front().begin;
  for (const Compound::Arm& arm : compound->arms) {
    if (begin > arm.begin || arm.begin > arm.end) return false;
    if (!add_ways(sql.substr(0, begin) + sql.substr(arm.begin, arm.end - arm.begin) +
                      sql.substr(compound->end),
                  ways))
      return false;
  }
  return true;
}

// What a column is declared as, as the virtual tables do it: "BOOLEAN", "DECIMAL(10,2)".
Column shown_as(const char* declared) {
  constexpr std::string_view kDecimal = "DECIMAL(";
  Column column;
  if (declared == nullptr) return column;
  const std::string_view type(declared);
  column.is_boolean = equals_ignoring_case(type, "BOOLEAN");
  if (type.starts_with(kDecimal))
    if (const std::size_t comma = type.find(','); comma != std::string_view::npos)
      std::from_chars(type.data() + comma + 1, type.data() + type.size(), column.scale);
  return column;
}

bool is_plain(const Column& column) { return !column.is_boolean && column.scale == 0; }

void make_plain(Column& column) {
  column.is_boolean = false;
  column.scale = 0;
}

// SQLite declares a column of a compound as its first SELECT does. The others are asked one by one;
// one that cannot be asked, the recursive part of a WITH, may give anything.
void compare_ways(sqlite3* handle, std::string_view sql, std::vector<Column>& columns) {
  if (std::all_of(columns.begin(), columns.end(), is_plain) || !find_compound(sql)) return;
  std::vector<std::string> ways;
  const bool known = add_ways(std::string(sql), ways);
  for (std::size_t way = 0; way < ways.size() && known; ++way) {
    sqlite3_stmt* made = nullptr;
    sqlite3_prepare_v2(handle, ways[way].data(), static_cast<int>(ways[way].size()), &made,
                       nullptr);
    const StatementPointer statement(made);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Column shown =
          made == nullptr ? Column() : shown_as(sqlite3_column_decltype(made, static_cast<int>(i)));
      if (shown.is_boolean != columns[i].is_boolean || shown.scale != columns[i].scale)
        make_plain(columns[i]);
    }
  }
  if (!known) std::for_each(columns.begin(), columns.end(), make_plain);
}

}  // namespace

std::vector<Column> result_columns(sqlite3* handle, sqlite3_stmt* compiled, std::string_view sql) {
  std::vector<Column> columns;
  std::unordered_set<std::string> names;
  const int count = sqlite3_column_count(compiled);
  for (int i = 0; i < count; ++i) names.insert(sqlite3_column_name(compiled, i));
  std::unordered_set<std::string> given;
  for (int i = 0; i < count; ++i) {
    Column column = shown_as(sqlite3_column_decltype(compiled, i));
    const std::string name = sqlite3_column_name(compiled, i);
    column.name = name;
    for (int n = 1; given.contains(column.name) || (n > 1 && names.contains(column.name)); ++n)
      column.name = name + ":" + std::to_string(n);
    given.insert(column.name);
    columns.push_back(std::move(column));
  }
  compare_ways(handle, sql, columns);
  return columns;
}

}  // namespace kimdb::database::sql
