// Numbers as text: what SQLite reads in them.
#pragma once

#include <optional>
#include <string_view>

#include "engine/sql_value.h"

namespace kimdb::database::sql {

// Digits, with a point in them or not, that every way to read takes for the same number; nothing
// where SQLite may round otherwise than from_chars does: its quotient is rounded twice, which shows
// behind 3 decimals. Pure.
std::optional<engine::SqlValue> plain_number(std::string_view digits);

// A text that is nothing but a number, as SQLite's affinity takes it: white space around it is
// allowed. What is not plain SQLite itself reads, on a connection of this thread's.
std::optional<engine::SqlValue> number_in(std::string_view text);

}  // namespace kimdb::database::sql
