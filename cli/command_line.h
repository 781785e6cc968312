// A line that was typed, as the words that are sent. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/executor.h"
#include "protocol/request.h"

namespace kimdb::cli {

// The words as RESP carries them: an SQL statement becomes `SQL <statement>`, behind the prefix
// words that stood before it.
Words words_of(const protocol::Request& request);

// Why a line that begins with "POST " or "Host:" is no command.
constexpr std::string_view kNoCommandOfHttp =
    "a line that begins so is a browser's, and a server ends the connection at it";

// Why a line that only goes on a statement is no command.
std::string no_statement_goes_on(std::string_view line);

// The words of one line by the line protocol's rules; none for an empty line or a comment.
// invalid_argument where it cannot be read (unbalanced quotes), only goes on a statement, or
// announces bytes that would follow it (`SET k $5`): there is nowhere to type these.
Result<Words> split_command_line(std::string_view line);

// The commands of a text of several lines, as a file holds them; its last SQL statement needs no
// semicolon. invalid_argument where one of them cannot be read.
Result<std::vector<Words>> split_commands(std::string_view text);

// The commands that the words behind kimdb-cli's options are: the words of one, or one text
// (`kimdb-cli "SELECT * FROM t"`), maybe behind prefix words. An SQL statement that reads may be
// words, too (`kimdb-cli SELECT '*' FROM t`); one that writes may not, because the shell has taken
// quotes away that mattered: invalid_argument.
Result<std::vector<Words>> commands_of_arguments(const Words& arguments);

// False for what should not be written to the history file: lines that hold a password.
bool belongs_in_history(std::string_view line);

}  // namespace kimdb::cli
