#include "cli/completion.h"

#include <algorithm>
#include <span>

#include "base/ascii.h"
#include "protocol/line_parser.h"

namespace kimdb::cli {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Commands that kimdb-cli itself knows.
constexpr std::string_view kOwnCommands[] = {"exit", "help", "quit"};
constexpr std::string_view kFormats[] = {"csv", "json", "raw", "strict", "text"};

// How many operands a prefix word has; none where it is no prefix.
struct PrefixWord {
  std::string_view word;
  std::string_view syntax;
  std::size_t operands;
};
constexpr PrefixWord kPrefixWords[] = {
    {"ACK", "memory|synced|replica command ...", 1},
    {"ID", "client sequence command ...", 2},
    {"EXPLAINED", "command ...", 0},
    {"AFTER", "position command ...", 1},
};

const PrefixWord* prefix_word(std::string_view word) {
  for (const PrefixWord& prefix : kPrefixWords) {
    if (equals_ignoring_case(prefix.word, word)) return &prefix;
  }
  return nullptr;
}

// Takes prefix words and their operands off the front. True where the words end inside them: then
// `open` is the prefix word and `words` its operands.
bool skip_prefixes(std::vector<std::string>& words, const PrefixWord*& open) {
  while (!words.empty()) {
    open = prefix_word(words[0]);
    if (open == nullptr) return false;
    words.erase(words.begin());
    if (words.size() < open->operands) return true;
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(open->operands));
  }
  return false;
}

void offer(std::vector<std::string>& words, std::string_view word, std::string_view typed) {
  if (!starts_with_ignoring_case(word, typed)) return;
  // Whoever types small letters gets small letters.
  std::string offered(word);
  if (!typed.empty() && std::ranges::none_of(typed, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    std::ranges::transform(offered, offered.begin(), to_lower);
  }
  words.push_back(std::move(offered));
}

// Whether the words begin a statement: SELECT may be Redis' as well.
bool is_sql_line(const std::vector<std::string>& words) {
  return protocol::is_sql_verb(words[0]) || equals_ignoring_case("SQL", words[0]);
}

constexpr std::string_view kSqlWords[] = {
    "ADD",      "ALTER",  "ANALYZE", "AND",        "AS",      "ASC",     "AUTO_INCREMENT",
    "BETWEEN",  "BIGINT", "BLOB",    "BOOLEAN",    "BY",      "CASE",    "CHECK",
    "COLUMN",   "COUNT",  "CREATE",  "DECIMAL",    "DEFAULT", "DELETE",  "DESC",
    "DISTINCT", "DOUBLE", "DROP",    "ELSE",       "END",     "EXISTS",  "FROM",
    "GROUP",    "HASH",   "HAVING",  "IF",         "IGNORE",  "IN",      "INDEX",
    "INSERT",   "INT",    "INTO",    "IS",         "JOIN",    "JSON",    "KEY",
    "LEFT",     "LIKE",   "LIMIT",   "NOT",        "NULL",    "OFFSET",  "ON",
    "OR",       "ORDER",  "PRIMARY", "REFERENCES", "RENAME",  "REPLACE", "SELECT",
    "SET",      "STATUS", "TABLE",   "TABLES",     "TEXT",    "THEN",    "TIMESTAMP",
    "TO",       "UNION",  "UNIQUE",  "UPDATE",     "USING",   "VALUES",  "VARCHAR",
    "WHEN",     "WHERE",  "WITH"};

void sort_once(std::vector<std::string>& words) {
  std::ranges::sort(words);
  const auto repeated = std::ranges::unique(words);
  words.erase(repeated.begin(), repeated.end());
}

void offer_command_names(const CommandCatalog& catalog, std::string_view typed,
                         std::vector<std::string>& words) {
  for (const CommandDoc& command : catalog.commands()) {
    const std::string_view name = command.name;
    offer(words, name.substr(0, name.find(' ')), typed);
  }
  for (const PrefixWord& prefix : kPrefixWords) offer(words, prefix.word, typed);
}

void offer_subcommands(const CommandCatalog& catalog, std::string_view command,
                       std::string_view typed, std::vector<std::string>& words) {
  for (const CommandDoc& doc : catalog.commands()) {
    const std::string_view name = doc.name;
    const std::size_t space = name.find(' ');
    if (space == std::string_view::npos) continue;
    if (!equals_ignoring_case(name.substr(0, space), command)) continue;
    offer(words, name.substr(space + 1), typed);
  }
}

bool is_key_word(std::string_view value) {
  return value == "key" || value == "source" || value == "destination" || value == "newkey";
}

}  // namespace

TypedLine cut_typed_line(std::string_view line) {
  TypedLine result;
  std::size_t i = 0;
  while (true) {
    while (i < line.size() && is_space(line[i])) ++i;
    const std::size_t begin = i;
    const char quote = i < line.size() ? line[i] : '\0';
    bool closed = true;
    if (quote == '"' || quote == '\'') {
      ++i;
      while (i < line.size() && line[i] != quote) i += quote == '"' && line[i] == '\\' ? 2 : 1;
      closed = i < line.size();
      i = std::min(i + 1, line.size());
    }
    while (i < line.size() && !is_space(line[i])) ++i;
    const std::string_view word = line.substr(begin, i - begin);
    if (i == line.size()) {
      result.current = word;
      result.current_begin = begin;
      result.in_quotes = !closed || quote == '"' || quote == '\'' || quote == '{' || quote == '[';
      return result;
    }
    result.words.emplace_back(word);
  }
}

Completions complete(const CommandCatalog& catalog, std::string_view line) {
  Completions result;
  TypedLine typed = cut_typed_line(line);
  if (typed.in_quotes) return result;
  const bool first = typed.words.empty();
  const PrefixWord* open = nullptr;
  if (skip_prefixes(typed.words, open)) {
    if (open->word == "ACK") {
      for (const std::string_view level : {"memory", "synced", "replica"}) {
        offer(result.words, level, typed.current);
      }
    }
    sort_once(result.words);
    return result;
  }
  if (typed.words.empty()) {
    offer_command_names(catalog, typed.current, result.words);
    if (first) {
      for (const std::string_view own : kOwnCommands) offer(result.words, own, typed.current);
    }
    sort_once(result.words);
    return result;
  }
  if (equals_ignoring_case(typed.words[0], "help")) {
    if (typed.words.size() == 1) offer_command_names(catalog, typed.current, result.words);
    if (typed.words.size() == 2) {
      offer_subcommands(catalog, typed.words[1], typed.current, result.words);
    }
    sort_once(result.words);
    return result;
  }

  if (equals_ignoring_case(typed.words[0], "FORMAT")) {  // kimdb-cli's own
    for (const std::string_view format : kFormats) offer(result.words, format, typed.current);
    return result;
  }

  result.sql = is_sql_line(typed.words);
  std::size_t name_words = 0;
  const CommandDoc* command = catalog.find_typed(typed.words, &name_words);
  if (command == nullptr) return result;
  if (typed.words.size() == 1) {
    offer_subcommands(catalog, typed.words[0], typed.current, result.words);
  }
  const std::span<const std::string> arguments = std::span(typed.words).subspan(name_words);
  const SyntaxRest rest = match_syntax(command->forms, arguments);
  for (const std::string& keyword : rest.keywords) offer(result.words, keyword, typed.current);
  sort_once(result.words);
  const bool is_first = arguments.empty();
  result.collections = is_first && rest.value == "collection";
  result.settings =
      command->name.starts_with("CONFIG ") && (rest.value == "name" || rest.value == "pattern");
  if (command->name == "INDEX DROP" && arguments.size() == 1) result.indexes_of = arguments[0];
  // In `SET k v EX 10 |` the position is no key's, in `DEL a |` the syntax says "key", too.
  result.keys = is_key_position(command->keys, typed.words.size()) || is_key_word(rest.value);
  return result;
}

void offer_sql(const std::vector<std::string>& names, std::string_view line,
               std::vector<std::string>& words) {
  const std::string current = cut_typed_line(line).current;
  // "count(na": the name begins behind the parenthesis, and is offered with what stands before it.
  const std::size_t sign = current.find_last_of("(),.=<>+-*/|");
  const std::string before = sign == std::string::npos ? "" : current.substr(0, sign + 1);
  const std::string_view typed = std::string_view(current).substr(before.size());
  std::vector<std::string> fitting;
  for (const std::string& name : names)
    if (starts_with_ignoring_case(name, typed)) fitting.push_back(name);
  if (!typed.empty())
    for (const std::string_view word : kSqlWords) offer(fitting, word, typed);
  for (const std::string& word : fitting) words.push_back(before + word);
  sort_once(words);
}

std::string hint(const CommandCatalog& catalog, std::string_view line) {
  TypedLine typed = cut_typed_line(line);
  // A word that is being typed counts as there: the hint speaks of what comes after it.
  if (!typed.current.empty()) typed.words.push_back(typed.current);
  const PrefixWord* open = nullptr;
  std::string text;
  if (skip_prefixes(typed.words, open)) {
    std::string_view left = open->syntax;
    for (std::size_t i = 0; i < typed.words.size(); ++i) left.remove_prefix(left.find(' ') + 1);
    text = left;
  } else if (open != nullptr && typed.words.empty()) {
    text = "command ...";
  } else {
    std::size_t name_words = 0;
    const CommandDoc* command = catalog.find_typed(typed.words, &name_words);
    if (command == nullptr) return {};
    const std::span<const std::string> arguments = std::span(typed.words).subspan(name_words);
    text = syntax_text(match_syntax(command->forms, arguments).expected);
  }
  if (text.empty()) return {};
  return typed.current.empty() ? text : " " + text;
}

std::string prefix_pattern(std::string_view prefix) {
  std::string pattern;
  for (const char c : prefix) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^') pattern += '\\';
    pattern += c;
  }
  return pattern + '*';
}

}  // namespace kimdb::cli
