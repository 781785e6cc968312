#include "cli/command_line.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "cli/statement_reader.h"
#include "client/repeatable.h"
#include "protocol/line_parser.h"
#include "protocol/parser_limits.h"

namespace kimdb::cli {

using protocol::SplitLine;

namespace {

bool reads_only(std::string_view verb) {
  constexpr std::string_view kReading[] = {"SELECT", "SHOW", "DESCRIBE", "DESC", "VALUES"};
  return std::ranges::any_of(
      kReading, [&](std::string_view reading) { return equals_ignoring_case(reading, verb); });
}

}  // namespace

Words words_of(const protocol::Request& request) {
  Words words(request.words.begin(), request.words.end());
  if (protocol::is_sql(request)) {
    words.back() = "SQL";
    words.emplace_back(request.sql);
  }
  return words;
}

std::string no_statement_goes_on(std::string_view line) {
  return "'" + std::string(line.substr(0, 40)) +
         "' goes on a statement, and none is open (SELECT 1, a number alone, chooses a keyspace; "
         "SQL "
         "SELECT 1 is a statement)";
}

Result<Words> split_command_line(std::string_view line) {
  if (StatementReader::only_goes_on(line))
    return Error{ErrorCode::invalid_argument, no_statement_goes_on(line)};
  protocol::Request request;
  std::string error;
  const SplitLine split =
      protocol::split_line(line, protocol::ParserLimits().arguments, request, error);
  switch (split.kind) {
    case SplitLine::Kind::nothing:
      return Words();
    case SplitLine::Kind::http:
      return Error{ErrorCode::invalid_argument, std::string(kNoCommandOfHttp)};
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

Result<std::vector<Words>> split_commands(std::string_view text) {
  std::vector<Words> commands;
  StatementReader statements;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (statements.is_open() || StatementReader::begins(line)) {
      KIMDB_RETURN_IF_ERROR(statements.add(line, commands));
      continue;
    }
    auto words = split_command_line(line);
    if (!words) return std::move(words).error();
    if (!words->empty()) commands.push_back(std::move(*words));
  }
  if (auto last = statements.end()) commands.push_back(std::move(*last));
  return commands;
}

Result<std::vector<Words>> commands_of_arguments(const Words& arguments) {
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  const auto command = client::without_prefixes(views);
  if (arguments.empty()) return std::vector<Words>();
  if (command.empty()) return std::vector<Words>{arguments};
  std::string text;
  for (const std::string_view word : command) (text += text.empty() ? "" : " ") += word;
  const bool is_words = command.size() > 1;
  const bool is_sql = protocol::is_sql_verb(command[0]) && StatementReader::begins(text);
  if (is_words && !is_sql) return std::vector<Words>{arguments};
  auto commands = split_commands(text);
  if (!commands) return commands;
  if (is_words && (commands->size() != 1 || !reads_only(command[0])))
    return Error{ErrorCode::invalid_argument,
                 "the shell takes quotes away: put the statement into one pair of them, kimdb-cli "
                 "\"" +
                     std::string(command[0]) + " …\""};
  const auto prefix_end =
      arguments.begin() + static_cast<std::ptrdiff_t>(arguments.size() - command.size());
  for (Words& words : *commands) words.insert(words.begin(), arguments.begin(), prefix_end);
  return commands;
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
