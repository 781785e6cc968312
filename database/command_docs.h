// What the command table says of itself: COMMAND, HELP and docs/commands.md.
#pragma once

#include <string>

#include "database/command_table.h"

namespace kimdb::database {

void command_command(Context& context);
void help_command(Context& context);

// docs/commands.md.
std::string commands_markdown(const CommandTable& table);

}  // namespace kimdb::database
