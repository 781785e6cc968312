// What the command table says of itself: COMMAND, HELP and docs/commands.md.
#pragma once

#include <string>

#include "database/command_table.h"

namespace kimdb::database {

// COMMAND alone lists all; its subcommands.
void command_command(Context& context);
extern const Subcommand kCommandSubcommands[5];
void help_command(Context& context);

// docs/commands.md.
std::string commands_markdown(const CommandTable& table);

}  // namespace kimdb::database
