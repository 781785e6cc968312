#include "client/repeatable.h"

#include <algorithm>
#include <cstddef>

#include "base/ascii.h"
#include "client/sql_text.h"

namespace kimdb::client {
namespace {

// SELECT is here although it changes the connection: doing it twice is doing it once. GETEX, SORT
// and the like write, and stay out; so does everything a transaction or a subscription consists of.
constexpr std::string_view kRepeatable[] = {
    "COMMAND", "DBSIZE", "ECHO",      "EXISTS",   "EXPIRETIME", "GET",         "GETRANGE",
    "HELP",    "INFO",   "KEYS",      "LASTSAVE", "MGET",       "PEXPIRETIME", "PING",
    "PTTL",    "PUBSUB", "RANDOMKEY", "ROLE",     "SCAN",       "SELECT",      "STATS",
    "STRLEN",  "TIME",   "TOUCH",     "TTL",      "TYPE",       "COLLECTIONS",
};

// Of these, only the subcommands that look.
struct Subcommand {
  std::string_view command;
  std::string_view subcommand;
};
constexpr Subcommand kRepeatableSubcommands[] = {
    {"CLIENT", "GETNAME"}, {"CLIENT", "ID"},        {"CLIENT", "INFO"}, {"CLIENT", "LIST"},
    {"CONFIG", "GET"},     {"OBJECT", "ENCODING"},  {"OBJECT", "FREQ"}, {"OBJECT", "IDLETIME"},
    {"OBJECT", "VERSION"}, {"OBJECT", "REFCOUNT"},  {"SLOWLOG", "GET"}, {"SLOWLOG", "LEN"},
    {"MEMORY", "USAGE"},   {"SHOW", "PROCESSLIST"}, {"DOC", "GET"},     {"DOC", "FIND"},
    {"DOC", "COUNT"},      {"DOC", "LIST"},         {"DOC", "EXPLAIN"}, {"DOC", "CHANGES"},
    {"INDEX", "LIST"},
};

// Statements that only read. WITH and EXPLAIN may stand before one that writes.
constexpr std::string_view kRepeatableStatements[] = {"SELECT", "VALUES", "SHOW", "DESCRIBE",
                                                      "DESC"};

// How many operands a prefix word has; -1 where it is none.
int prefix_operands(std::string_view word) {
  if (equals_ignoring_case(word, "EXPLAINED")) return 0;
  if (equals_ignoring_case(word, "ACK") || equals_ignoring_case(word, "AFTER")) return 1;
  if (equals_ignoring_case(word, "ID")) return 2;
  return -1;
}

bool has_id(std::span<const std::string_view> words, std::size_t prefixes) {
  for (std::size_t i = 0; i < prefixes;) {
    if (equals_ignoring_case(words[i], "ID")) return true;
    i += static_cast<std::size_t>(prefix_operands(words[i])) + 1;
  }
  return false;
}

}  // namespace

std::span<const std::string_view> without_prefixes(std::span<const std::string_view> words) {
  while (!words.empty()) {
    const int operands = prefix_operands(words[0]);
    if (operands < 0) break;
    words = words.subspan(std::min(words.size(), static_cast<std::size_t>(operands) + 1));
  }
  return words;
}

bool is_repeatable(std::span<const std::string_view> words) {
  const auto command = without_prefixes(words);
  if (command.empty()) return true;  // only prefix words: the server refuses it
  if (has_id(words, words.size() - command.size())) return true;
  const auto is_command = [&](std::string_view name) {
    return equals_ignoring_case(name, command[0]);
  };
  if (std::ranges::any_of(kRepeatable, is_command)) return true;
  if (is_command("SQL") && command.size() > 1) {
    const std::string_view verb = first_sql_word(command[1]);
    return std::ranges::any_of(kRepeatableStatements, [&](std::string_view reads) {
      return equals_ignoring_case(reads, verb);
    });
  }
  return command.size() > 1 &&
         std::ranges::any_of(kRepeatableSubcommands, [&](const Subcommand& s) {
           return is_command(s.command) && equals_ignoring_case(s.subcommand, command[1]);
         });
}

}  // namespace kimdb::client
