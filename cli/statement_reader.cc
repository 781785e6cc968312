#include "cli/statement_reader.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <span>
#include <utility>

#include "base/ascii.h"
#include "client/repeatable.h"
#include "database/sql/tokenizer.h"
#include "protocol/line_parser.h"
#include "protocol/parser_limits.h"

namespace kimdb::cli {
namespace {

using database::sql::Token;
using protocol::SplitLine;

constexpr std::size_t kNone = std::string_view::npos;

std::string_view skip_spaces(std::string_view text) {
  return text.substr(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
}

std::string_view without_spaces_behind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

// Where a line becomes a statement, and the words before.
struct Beginning {
  Words prefix;
  std::size_t offset = 0;
};

// A SELECT or DELETE whose statement goes on with the next line. Redis' SELECT lacks its argument
// there, and has no use.
bool is_verb_alone(std::string_view command, std::span<const std::string_view> words) {
  const bool alone = words.size() == 1 || words[1].starts_with("--") || words[1].starts_with("/*");
  return alone &&
         (equals_ignoring_case(command, "SELECT") || equals_ignoring_case(command, "DELETE"));
}

// Nothing where the line is a command of another kind.
std::optional<Beginning> beginning_of(std::string_view whole_line) {
  const std::string_view line = without_spaces_behind(whole_line);
  protocol::Request request;
  std::string error;
  const SplitLine split =
      protocol::split_line(line, protocol::ParserLimits().arguments, request, error);
  if (split.kind != SplitLine::Kind::words || split.payload_bytes) return std::nullopt;
  const std::size_t prefixes =
      request.words.size() - client::without_prefixes(request.words).size();
  if (prefixes == request.words.size()) return std::nullopt;
  const std::string_view command = request.words[prefixes];
  const std::size_t words = request.words.size() - prefixes;
  // Where the statement's text begins; a word that had escapes is none of SQL's.
  std::string_view text = request.sql;
  if (text.empty() && equals_ignoring_case(command, "SQL") && words == 2) {
    text = request.words.back();
  } else if (text.empty() && is_verb_alone(command, std::span(request.words).subspan(prefixes))) {
    text = command;
  }
  const std::less_equal<const char*> before;
  if (text.empty() || !before(line.data(), text.data()) ||
      !before(text.data(), line.data() + line.size()))
    return std::nullopt;
  return Beginning{.prefix = Words(request.words.begin(),
                                   request.words.begin() + static_cast<std::ptrdiff_t>(prefixes)),
                   .offset = static_cast<std::size_t>(text.data() - line.data())};
}

bool is_comment_line(std::string_view line) {
  return line.starts_with('#') && (line.size() < 2 || !is_digit(line[1]));
}

// The tokens of a short text; none where there are more than `most`.
std::vector<Token> tokens_of(std::string_view text, std::size_t most) {
  std::vector<Token> tokens;
  for (std::size_t end = 0;;) {
    const Token token = database::sql::next_token(text, end);
    if (token.kind == Token::Kind::end) return tokens;
    if (tokens.size() == most) return {};
    tokens.push_back(token);
    end = token.offset + token.text.size();
  }
}

bool is_one_of(const Token& token, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.is_word(word); });
}

// Whether no further line could be a part of the statement.
bool cannot_go_on(std::string_view text) {
  constexpr std::size_t kTokensMax = 8;
  constexpr std::size_t kBytesMax = 256;
  if (text.size() > kBytesMax) return false;
  const std::vector<Token> tokens = tokens_of(text, kTokensMax);
  if (tokens.empty()) return false;
  const auto is_word = [](const Token& token) { return token.kind == Token::Kind::word; };
  const std::size_t count = tokens.size();
  if (is_one_of(tokens[0], {"begin", "commit", "rollback", "end"}))
    return std::ranges::all_of(tokens, is_word);
  if (tokens[0].is_word("start")) return count > 1 && std::ranges::all_of(tokens, is_word);
  const bool ends_in_name = is_word(tokens.back()) || tokens.back().kind == Token::Kind::quoted;
  if (is_one_of(tokens[0], {"describe", "desc"})) return count == 2 && ends_in_name;
  if (!tokens[0].is_word("show") || count < 2) return false;
  if (is_one_of(tokens[1], {"tables", "status"})) return count == 2;
  return is_one_of(tokens[1], {"columns", "index", "indexes"}) && count == 4 && ends_in_name;
}

// CREATE TRIGGER … BEGIN …; …; END;
bool begins_trigger(std::string_view text) {
  constexpr std::size_t kLongest = 6;  // EXPLAIN QUERY PLAN CREATE TEMP TRIGGER
  Token token = database::sql::next_token(text, 0);
  for (std::size_t i = 0; i < kLongest; ++i) {
    if (token.is_word("trigger")) return i > 0;
    if (!is_one_of(token, {"explain", "query", "plan", "create", "temp", "temporary"}))
      return false;
    token = database::sql::next_token(text, token.offset + token.text.size());
  }
  return false;
}

}  // namespace

bool StatementReader::begins(std::string_view line) {
  const std::string_view text = skip_spaces(line);
  return text.starts_with(';') || text.starts_with("--") || text.starts_with("/*") ||
         beginning_of(text).has_value();
}

bool StatementReader::only_goes_on(std::string_view line) {
  const Token first = database::sql::next_token(skip_spaces(line).substr(0, 20), 0);
  return first.is_symbol(",") || first.is_symbol(")") || first.is_symbol("(") ||
         is_one_of(first,
                   {"from", "where", "union", "except", "intersect", "order", "group", "having",
                    "limit", "join", "left", "inner", "cross", "on", "and", "or", "as"});
}

Status StatementReader::add(std::string_view line, std::vector<Words>& statements) {
  std::vector<Words> ended;
  std::string_view rest = line;
  while (true) {
    if (!open_) {
      rest = skip_comments(rest);
      if (rest.starts_with(';')) {  // a statement of nothing
        rest.remove_prefix(1);
        continue;
      }
      if (rest.empty() || is_comment_line(rest)) break;
      auto beginning = beginning_of(rest);
      if (!beginning) {
        drop();
        return Error{ErrorCode::invalid_argument,
                     "'" + std::string(rest.substr(0, 40)) +
                         "' is no SQL and stands behind a semicolon or comment of SQL: put it on a "
                         "line of its own (nothing that ends in this line was run)"};
      }
      prefix_ = std::move(beginning->prefix);
      rest.remove_prefix(beginning->offset);
      open_ = true;
    }
    const std::size_t end = scan(rest);
    if (end == kNone) break;
    ended.push_back(take());
    rest.remove_prefix(end);
  }
  if (open_ && quote_ == '\0' && cannot_go_on(text_)) ended.push_back(take());
  if (open_) text_ += '\n';
  std::ranges::move(ended, std::back_inserter(statements));
  return {};
}

bool StatementReader::is_unfinished() const {
  return in_comment_ || (open_ && database::sql::is_open(text_));
}

std::optional<Words> StatementReader::end() {
  std::optional<Words> statement;
  if (open_) statement = take();
  drop();
  return statement;
}

void StatementReader::drop() {
  in_comment_ = open_ = false;
  prefix_.clear();
  text_.clear();
  quote_ = '\0';
  part_begin_ = 0;
  is_trigger_.reset();
}

// What stands behind the comments before a statement; nothing where one goes on in the next line.
std::string_view StatementReader::skip_comments(std::string_view rest) {
  while (true) {
    if (in_comment_) {
      const std::size_t end = rest.find("*/");
      if (end == kNone) return {};
      in_comment_ = false;
      rest.remove_prefix(end + 2);
    }
    rest = skip_spaces(rest);
    if (rest.starts_with("--")) return {};
    if (!rest.starts_with("/*")) return rest;
    in_comment_ = true;
    rest.remove_prefix(2);
  }
}

// Appends what belongs to the statement to text_. Where its semicolon is in `rest`, the offset
// behind it.
std::size_t StatementReader::scan(std::string_view rest) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    const char next = i + 1 < rest.size() ? rest[i + 1] : '\0';
    if (quote_ == '*') {
      if (c == '*' && next == '/') quote_ = '\0', ++i;
    } else if (quote_ != '\0') {
      // A quote that is doubled closes and opens again.
      if (c == (quote_ == '[' ? ']' : quote_)) quote_ = '\0';
    } else if (c == '\'' || c == '"' || c == '`' || c == '[') {
      quote_ = c;
    } else if (c == '-' && next == '-') {
      break;
    } else if (c == '/' && next == '*') {
      quote_ = '*', ++i;
    } else if (c == ';') {
      text_ += rest.substr(from, i - from);
      from = i;
      if (ends_here()) return i + 1;
    }
  }
  text_ += rest.substr(from);
  return kNone;
}

// Whether the semicolon behind text_ ends the statement: of a trigger, as of SQLite's
// sqlite3_complete(), only the one behind an END that stands alone.
bool StatementReader::ends_here() {
  if (!is_trigger_) is_trigger_ = begins_trigger(text_);
  if (!*is_trigger_) return true;
  const auto part = tokens_of(std::string_view(text_).substr(part_begin_), 2);
  part_begin_ = text_.size() + 1;
  return part.size() == 1 && part[0].is_word("end");
}

// The statement, as the words that are sent.
Words StatementReader::take() {
  Words words = std::move(prefix_);
  text_.resize(without_spaces_behind(text_).size());
  const auto tokens = tokens_of(text_, 2);
  if (tokens.size() == 2 && tokens[0].is_word("show") && tokens[1].is_word("processlist")) {
    words.insert(words.end(), {"SHOW", "PROCESSLIST"});
  } else {
    words.insert(words.end(), {"SQL", std::move(text_)});
  }
  drop();
  return words;
}

}  // namespace kimdb::cli
