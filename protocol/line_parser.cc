#include "protocol/line_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace kimdb::protocol {
namespace {

constexpr std::size_t kTagDigitsMax = 20;      // any 64-bit number
constexpr std::size_t kPayloadDigitsMax = 18;  // fits in 63 bits

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string_view skip_spaces(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_space(text[i])) ++i;
  return text.substr(i);
}

std::size_t plain_word_length(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && !is_space(text[i])) ++i;
  return i;
}

// The length of a word that begins with { or [: to its matching bracket, then to the next space. 0
// where that bracket is missing. Only brackets of the opening kind are counted: in JSON the others
// are balanced between them, and in a pattern like [^}]* they mean themselves.
std::size_t bracketed_word_length(std::string_view text) {
  const char open = text[0];
  const char close = open == '{' ? '}' : ']';
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      continue;
    } else if (c == open) {
      ++depth;
    } else if (c == close && --depth == 0) {
      return i + plain_word_length(text.substr(i));
    }
  }
  return 0;
}

std::optional<std::uint64_t> payload_length(std::string_view word) {
  if (word.size() < 2 || word[0] != '$' || word.size() - 1 > kPayloadDigitsMax) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : word.substr(1)) {
    if (!is_digit(c)) return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

// --- SQL -----------------------------------------------------------------------------------------

std::string_view leading_identifier(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (is_alpha(text[i]) || is_digit(text[i]) || text[i] == '_')) ++i;
  return text.substr(0, i);
}

bool is_integer_word(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

bool is_sql_verb(std::string_view word) {
  constexpr std::array<std::string_view, 19> kVerbs = {
      "SELECT",   "INSERT",  "UPDATE", "DELETE",   "CREATE", "DROP", "ALTER",
      "EXPLAIN",  "SHOW",    "BEGIN",  "DESCRIBE", "VACUUM", "WITH", "COMMIT",
      "ROLLBACK", "REPLACE", "DESC",   "START",    "VALUES"};
  if (word.size() < 4 || word.size() > 8) return false;
  for (const std::string_view verb : kVerbs) {
    if (equals_ignoring_case(word, verb)) return true;
  }
  return false;
}

namespace {

// The verb where `text` (at the place of a command) is an SQL statement, else empty. A verb may be
// followed by anything that is no part of a name: SELECT* and COMMIT; are SQL.
std::string_view sql_verb(std::string_view text) {
  const std::string_view verb = leading_identifier(text);
  if (!is_sql_verb(verb)) return {};
  std::string_view rest = skip_spaces(text.substr(verb.size()));
  while (!rest.empty() && is_space(rest.back())) rest.remove_suffix(1);
  const std::string_view next = rest.substr(0, plain_word_length(rest));
  if (equals_ignoring_case(verb, "SELECT")) {
    // SELECT <n> chooses a keyspace, as in Redis; so does SELECT alone, which lacks its argument.
    return rest.empty() || (is_integer_word(next) && next.size() == rest.size())
               ? std::string_view{}
               : verb;
  }
  if (equals_ignoring_case(verb, "DELETE")) {
    return equals_ignoring_case(leading_identifier(rest), "FROM") ? verb : std::string_view{};
  }
  if (equals_ignoring_case(verb, "SHOW")) {
    return equals_ignoring_case(next, "PROCESSLIST") ? std::string_view{} : verb;
  }
  return verb;
}

// How many operands a prefix word has (ACK level, ID client sequence, …); none where the word is no
// prefix. Their meaning is the Database's; here it matters only where the command begins.
std::optional<int> prefix_operands(std::string_view word) {
  if (equals_ignoring_case(word, "ACK") || equals_ignoring_case(word, "AFTER")) return 1;
  if (equals_ignoring_case(word, "ID")) return 2;
  if (equals_ignoring_case(word, "EXPLAINED")) return 0;
  return std::nullopt;
}

// --- the splitter --------------------------------------------------------------------------------

class Splitter {
 public:
  Splitter(std::string_view line, std::size_t arguments_max, Request& request, std::string& error)
      : line_(line), rest_(line), arguments_max_(arguments_max), request_(request), error_(error) {}

  SplitLine run() {
    if (split_at_bars()) return {};
    bool at_command = true;  // the next word is a command or a prefix word
    int operands = 0;        // of a prefix word, still to come
    while (!(rest_ = skip_spaces(rest_)).empty()) {
      if (request_.words.size() == arguments_max_) {
        return fail(fmt::format("ERR too many words (limit {})", arguments_max_));
      }
      if (at_command && take_sql()) return result_;
      if (!take_word()) return {SplitLine::Kind::error, std::nullopt};
      if (at_command) {
        operands = prefix_operands(request_.words.back()).value_or(-1);
        at_command = operands == 0;
      } else if (operands > 0 && --operands == 0) {
        at_command = true;
      }
    }
    return result_;
  }

 private:
  // The openings of the first protocol: HANDSHAKE|v1.0 and AUTH|user|password, whose password may
  // hold anything.
  bool split_at_bars() {
    std::size_t parts_max = 0;
    if (starts_with_ignoring_case(rest_, "AUTH|")) parts_max = 3;
    if (starts_with_ignoring_case(rest_, "HANDSHAKE|")) parts_max = 2;
    if (parts_max == 0) return false;
    std::string_view rest = rest_;
    while (request_.words.size() + 1 < parts_max) {
      const std::size_t bar = rest.find('|');
      if (bar == std::string_view::npos) break;
      request_.words.push_back(rest.substr(0, bar));
      rest.remove_prefix(bar + 1);
    }
    request_.words.push_back(rest);
    return true;
  }

  // An SQL statement, or the SQL command, whose text is one word that is taken as it stands.
  bool take_sql() {
    if (const std::string_view verb = sql_verb(rest_); !verb.empty()) {
      request_.words.push_back(verb);
      request_.sql = rest_;
      return true;
    }
    const std::string_view word = rest_.substr(0, plain_word_length(rest_));
    if (!equals_ignoring_case(word, "SQL")) return false;
    request_.words.push_back(word);
    const std::string_view text = skip_spaces(rest_.substr(word.size()));
    if (text.empty()) return true;
    request_.words.push_back(text);
    result_.payload_bytes = payload_length(text);
    return true;
  }

  bool take_word() {
    switch (rest_[0]) {
      case '"':
        return take_double_quoted();
      case '\'':
        return take_single_quoted();
      case '{':
      case '[':
        return take_bracketed();
      default:
        return take_plain();
    }
  }

  bool take_plain() {
    const std::string_view word = rest_.substr(0, plain_word_length(rest_));
    rest_.remove_prefix(word.size());
    request_.words.push_back(word);
    if (word[0] == '$' && request_.words.size() > 1 && skip_spaces(rest_).empty()) {
      result_.payload_bytes = payload_length(word);
    }
    return true;
  }

  bool take_bracketed() {
    const std::size_t length = bracketed_word_length(rest_);
    if (length == 0) {
      return refuse(
          fmt::format("ERR unbalanced {} (write the word in quotes if it is no JSON)", rest_[0]));
    }
    request_.words.push_back(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return true;
  }

  bool take_single_quoted() {
    const std::size_t end = rest_.find('\'', 1);
    if (end == std::string_view::npos) return refuse("ERR unbalanced ' (no closing quote)");
    request_.words.push_back(rest_.substr(1, end - 1));
    return close_quotes(end);
  }

  bool take_double_quoted() {
    const std::size_t end = rest_.find_first_of("\"\\", 1);
    if (end == std::string_view::npos) return refuse("ERR unbalanced \" (no closing quote)");
    if (rest_[end] == '\\') return take_escaped(end);
    request_.words.push_back(rest_.substr(1, end - 1));
    return close_quotes(end);
  }

  // A word in double quotes with its first backslash at `i`.
  bool take_escaped(std::size_t i) {
    std::string& scratch = request_.scratch;
    // No word grows by unescaping, so views into the scratch stay valid.
    if (scratch.empty()) scratch.reserve(line_.size());
    const std::size_t start = scratch.size();
    scratch.append(rest_.substr(1, i - 1));
    while (i < rest_.size() && rest_[i] != '"') {
      if (rest_[i] != '\\') {
        scratch.push_back(rest_[i++]);
      } else if (!take_escape(i)) {
        return false;
      }
    }
    if (i >= rest_.size()) return refuse("ERR unbalanced \" (no closing quote)");
    request_.words.push_back(std::string_view(scratch).substr(start));
    return close_quotes(i);
  }

  // Appends what the escape at `i` means to the scratch and moves `i` behind it.
  bool take_escape(std::size_t& i) {
    if (i + 1 >= rest_.size()) return refuse("ERR unbalanced \" (no closing quote)");
    const char kind = rest_[i + 1];
    i += 2;
    switch (kind) {
      case 'n':
        request_.scratch.push_back('\n');
        return true;
      case 'r':
        request_.scratch.push_back('\r');
        return true;
      case 't':
        request_.scratch.push_back('\t');
        return true;
      case '\\':
      case '"':
        request_.scratch.push_back(kind);
        return true;
      case 'x':
        if (i + 1 < rest_.size() && hex_digit(rest_[i]) >= 0 && hex_digit(rest_[i + 1]) >= 0) {
          request_.scratch.push_back(
              static_cast<char>(hex_digit(rest_[i]) * 16 + hex_digit(rest_[i + 1])));
          i += 2;
          return true;
        }
        return refuse("ERR \\x in quotes needs two hexadecimal digits");
      default:
        return refuse(
            "ERR unknown escape in quotes (known: \\n \\r \\t \\\\ \\\" \\xHH; in '…' nothing is "
            "one)");
    }
  }

  // Moves behind the closing quote at `end`; a word ends there.
  bool close_quotes(std::size_t end) {
    rest_.remove_prefix(end + 1);
    if (rest_.empty() || is_space(rest_[0])) return true;
    return refuse("ERR no space after a closing quote");
  }

  bool refuse(std::string message) {
    // Counted in bytes from 1, where the word begins that cannot be read.
    const std::size_t column = static_cast<std::size_t>(rest_.data() - line_.data()) + 1;
    error_ = fmt::format("{} at column {}", message, column);
    return false;
  }

  SplitLine fail(std::string message) {
    error_ = std::move(message);
    return {SplitLine::Kind::error, std::nullopt};
  }

  std::string_view line_;
  std::string_view rest_;
  std::size_t arguments_max_;
  Request& request_;
  std::string& error_;
  SplitLine result_;
};

}  // namespace

SplitLine split_line(std::string_view line, std::size_t arguments_max, Request& request,
                     std::string& error) {
  if (starts_with_ignoring_case(line, "POST ") || starts_with_ignoring_case(line, "Host:")) {
    return {SplitLine::Kind::http, std::nullopt};
  }
  line = skip_spaces(line);
  if (line.empty()) return {SplitLine::Kind::nothing, std::nullopt};
  if (line[0] == '#') {
    if (line.size() < 2 || !is_digit(line[1])) return {SplitLine::Kind::nothing, std::nullopt};
    line = take_tag(line, request);
    request.line = line;
    if (request.tag.empty()) {
      error = fmt::format("ERR a tag is # and up to {} digits, then a space and the command",
                          kTagDigitsMax);
      return {SplitLine::Kind::error, std::nullopt};
    }
    if (line.empty()) {
      error = "ERR no command after the tag";
      return {SplitLine::Kind::error, std::nullopt};
    }
  }
  request.line = line;
  return Splitter(line, arguments_max, request, error).run();
}

std::string_view take_tag(std::string_view line, Request& request) {
  const std::string_view text = skip_spaces(line);
  if (text.empty() || text[0] != '#') return line;
  const std::size_t digits_max = std::min(text.size(), kTagDigitsMax + 1);
  std::size_t end = 1;
  while (end < digits_max && is_digit(text[end])) ++end;
  if (end == 1 || (end < text.size() && !is_space(text[end]))) return line;
  request.tag = text.substr(1, end - 1);
  return skip_spaces(text.substr(end));
}

bool reads_as_one_word(std::string_view word) {
  if (word.empty() || word[0] == '"' || word[0] == '\'') return false;
  if (word.find_first_of("\r\n") != std::string_view::npos) return false;
  if (word[0] == '{' || word[0] == '[') return bracketed_word_length(word) == word.size();
  return plain_word_length(word) == word.size() && !payload_length(word);
}

}  // namespace kimdb::protocol
