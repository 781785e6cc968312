// JSON's values as SQL's: numbers, text, true and false as 1 and 0; arrays and objects as their
// text. As SQLite's ->> gives them. Pure; any thread.
#pragma once

#include <string>

#include "engine/json_reader.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

// Text goes into `kept`.
engine::SqlValue value_of_json(const engine::JsonElement& element, std::string& kept);

}  // namespace kimdb::database::sql
