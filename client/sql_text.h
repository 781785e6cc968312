// What an SQL statement is, as far as a client has to know it: by its first word. Pure; any thread.
// Not installed.
#pragma once

#include <span>
#include <string_view>

namespace kimdb::client {

// The first word of a statement, behind its comments; empty where it begins with none.
std::string_view first_sql_word(std::string_view statement);

// Of a command without its prefix words: the first word of what SQL is given, else the command's.
std::string_view statement_verb(std::span<const std::string_view> command);

}  // namespace kimdb::client
