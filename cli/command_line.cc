#include "cli/command_line.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "database/sql/tokenizer.h"
#include "protocol/line_parser.h"
#include "protocol/parser_limits.h"

namespace kimdb::cli {

using protocol::SplitLine;

Words words_of(const protocol::Request& request) {
  Words words(request.words.begin(), request.words.end());
  if (protocol::is_sql(request)) {
    words.back() = "SQL";
    words.emplace_back(request.sql);
  }
  return words;
}

Result<Words> split_command_line(std::string_view line) {
  protocol::Request request;
  std::string error;
  const SplitLine split =
      protocol::split_line(line, protocol::ParserLimits().arguments, request, error);
  switch (split.kind) {
    case SplitLine::Kind::nothing:
    case SplitLine::Kind::http:
      return Words();
    case SplitLine::Kind::error:
      if (error.starts_with("ERR ")) error.erase(0, 4);
      return Error{ErrorCode::invalid_argument, std::move(error)};
    case SplitLine::Kind::words:
      break;
  }
  if (split.payload_bytes) {
    return Error{ErrorCode::invalid_argument,
                 "a value that follows its line ($length) can come from a file or pipe only; write "
                 "it in quotes"};
  }
  return words_of(request);
}

bool is_open_statement(std::string_view line) {
  protocol::Request request;
  std::string error;
  const SplitLine split =
      protocol::split_line(line, protocol::ParserLimits().arguments, request, error);
  if (split.kind != SplitLine::Kind::words || split.payload_bytes) return false;
  const Words words = words_of(request);
  return words.size() >= 2 && equals_ignoring_case(words[words.size() - 2], "SQL") &&
         database::sql::is_open(words.back());
}

bool belongs_in_history(std::string_view line) {
  const auto words = split_command_line(line);
  // What cannot be read may hold a password as well; it is not worth keeping either way.
  if (!words) return !starts_with_ignoring_case(line, "AUTH");
  if (words->empty()) return false;
  const std::string& command = words->front();
  if (equals_ignoring_case(command, "AUTH")) return false;
  if (!equals_ignoring_case(command, "HELLO")) return true;
  return std::ranges::none_of(
      *words, [](const std::string& word) { return equals_ignoring_case(word, "AUTH"); });
}

}  // namespace kimdb::cli
