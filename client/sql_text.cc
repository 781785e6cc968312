#include "client/sql_text.h"

#include <algorithm>
#include <cstddef>

#include "base/ascii.h"

namespace kimdb::client {
namespace {

std::string_view behind(std::string_view text, std::string_view mark) {
  const std::size_t found = text.find(mark);
  return found == std::string_view::npos ? std::string_view() : text.substr(found + mark.size());
}

}  // namespace

std::string_view first_sql_word(std::string_view statement) {
  while (true) {
    statement.remove_prefix(std::min(statement.size(), statement.find_first_not_of(" \t\r\n;")));
    if (statement.starts_with("--")) {
      statement = behind(statement, "\n");
    } else if (statement.starts_with("/*")) {
      statement = behind(statement.substr(2), "*/");
    } else {
      break;
    }
  }
  const auto end = std::ranges::find_if_not(statement, is_alpha);
  return {statement.begin(), end};
}

std::string_view statement_verb(std::span<const std::string_view> command) {
  if (command.empty()) return {};
  const bool is_statement = command.size() > 1 && equals_ignoring_case(command[0], "SQL");
  return is_statement ? first_sql_word(command[1]) : command[0];
}

}  // namespace kimdb::client
