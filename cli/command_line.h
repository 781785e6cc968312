// A line that was typed, as the words that are sent. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/executor.h"
#include "protocol/request.h"

namespace kimdb::cli {

// The words as RESP carries them: an SQL statement becomes `SQL <statement>`, behind the prefix
// words that stood before it.
Words words_of(const protocol::Request& request);

// The words of one line by the line protocol's rules; none for an empty line or a comment.
// invalid_argument where it cannot be read (unbalanced quotes), or announces bytes that would
// follow it (`SET k $5`): there is nowhere to type these.
Result<Words> split_command_line(std::string_view line);

// False for what should not be written to the history file: lines that hold a password.
// Whether the line is an SQL statement that goes on behind it (database/sql/tokenizer.h).
bool is_open_statement(std::string_view line);

bool belongs_in_history(std::string_view line);

}  // namespace kimdb::cli
