// Commands with subcommands, as Redis 7 treats them: the second word names one, HELP lists them.
// They stand in the command table, so that a wrong one is refused before it is queued by MULTI, and
// what it locks and who may run it is known before it runs.
#pragma once

#include <string>

#include "database/context.h"

namespace kimdb::database {

// The subcommand that a command's words name. Null: it has none, or none of that name.
const Subcommand* find_subcommand(const CommandRow& row, Words words);

// The flags of a command and its subcommand together.
inline std::uint32_t flags_of(const CommandRow& row, Words words) {
  if (row.subcommands.empty()) return row.flags;
  const Subcommand* subcommand = find_subcommand(row, words);
  return row.flags | (subcommand == nullptr ? 0 : subcommand->flags);
}

// Calls what the command has to work out before its locks; gives what is wrong, or nothing.
std::string prepare(Database& database, const CommandRow& row, Words words, Prepared& prepared);

// "client|kill", as errors name it; "client" where there is no such subcommand.
std::string full_name(const CommandRow& row, Words words);

// What is wrong with the subcommand or the number of its words, as Redis says it; empty: nothing.
std::string subcommand_error(const CommandRow& row, Words words);

// The handler of a row with subcommands, whose words were checked.
void run_subcommand(Context& c);

// Redis' answer where a subcommand finds too many words by itself.
void subcommand_syntax_error(Context& c);

}  // namespace kimdb::database
