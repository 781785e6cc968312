// The statements that SQLite runs: what has to be known of them before. Pure.
#pragma once

#include <string_view>

#include "database/sql/parser.h"

namespace kimdb::database::sql {

// SELECT, VALUES, INSERT, REPLACE, UPDATE or DELETE, with EXPLAIN or WITH before it. Throws Refused
// (database/sql/token_reader.h).
Query read_query(std::string_view text);

}  // namespace kimdb::database::sql
