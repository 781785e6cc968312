// What the CLI asks of the terminal it runs in. Called from the main thread.
#pragma once

#include <string>

#include "base/result.h"

namespace kimdb::cli {

bool input_is_terminal();
bool output_is_terminal();
// Output goes to a terminal that shows colors, and NO_COLOR (https://no-color.org) is not set.
bool output_has_color();

// Asks on the terminal itself (/dev/tty), whatever input and output are, and does not show what is
// typed. unavailable where there is no terminal or the person gave up (Ctrl-C, Ctrl-D).
Result<std::string> ask_password(const std::string& prompt);

// KIMDB_PASSWORD, or what the person types. The variable is taken out of the environment.
Result<std::string> get_password(const std::string& prompt);

}  // namespace kimdb::cli
