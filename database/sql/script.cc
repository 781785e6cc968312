#include "database/sql/script.h"

#include <algorithm>

#include "database/sql/tokenizer.h"

namespace kimdb::database::sql {

namespace {

constexpr std::size_t kShownBytes = 40;

// The beginning of a statement, in whole code points and on one line.
std::string beginning_of(std::string_view statement) {
  std::size_t shown = std::min(statement.size(), kShownBytes);
  while (shown > 0 && shown < statement.size() && (statement[shown] & 0xc0) == 0x80) --shown;
  std::string text(statement.substr(0, shown));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return shown < statement.size() ? text + "…" : text;
}

}  // namespace

std::vector<std::string_view> split_statements(std::string_view text) {
  // Most have none, or one at the end: there is nothing to read.
  if (const std::size_t first = text.find(';');
      first == std::string_view::npos ||
      text.find_first_not_of(" \t\r\n", first + 1) == std::string_view::npos)
    return {text};
  std::vector<std::string_view> statements;
  std::size_t begin = 0, end = 0;
  bool is_empty = true;  // the one at hand
  const auto add = [&] {
    if (!is_empty) statements.push_back(text.substr(begin, end - begin));
    is_empty = true;
  };
  for (std::size_t at = 0;;) {
    const Token token = next_token(text, at);
    at = token.offset + token.text.size();
    if (token.kind == Token::Kind::end) break;
    if (token.is_symbol(";")) {
      add();
      continue;
    }
    if (is_empty) begin = token.offset;
    is_empty = false;
    end = at;
  }
  add();
  if (statements.empty()) statements.push_back(text);
  return statements;
}

std::string statement_error(const std::vector<std::string_view>& statements, std::size_t number,
                            std::size_t done, std::string_view message) {
  return "statement " + std::to_string(number) + " of " + std::to_string(statements.size()) + ": " +
         std::string(message) + " (in '" + beginning_of(statements[number - 1]) + "'; " +
         (done == 0 ? "none before it is done)" : std::to_string(done) + " before it done)");
}

}  // namespace kimdb::database::sql
