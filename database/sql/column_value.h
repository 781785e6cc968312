// Values on their way between SQLite and the columns of typed tables. Pure; any thread.
//
// A column stores values of its type only (engine/row.h). What a statement gives is converted where
// SQLite's type affinity converts it, too (docs/sql.md lists the types), and refused else.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "engine/schema.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

// What the column stores for `value`; text that has to be made goes into `kept`. An error says what
// is wrong: "type mismatch for column age: value 'x' is not an INT". Null stays null.
Result<engine::SqlValue> stored_value(const engine::Column& column, const engine::SqlValue& value,
                                      std::string& kept);

// What the column would store for a value that SQLite compares it with, so that the two are equal,
// or in the same order, as SQLite says. Nothing where it is equal to no value of the column, or
// where that cannot be told (compares_unknowably).
std::optional<engine::SqlValue> compared_value(engine::ColumnType type,
                                               const engine::SqlValue& value);
// A number beside text: SQLite compares them as text where the number is a literal, and as numbers
// where it is a column's, which the value alone does not say.
bool compares_unknowably(engine::ColumnType type, const engine::SqlValue& value);

// As statements see what is stored: TIMESTAMP as text, made in `kept`.
engine::SqlValue shown_value(engine::ColumnType type, const engine::SqlValue& stored,
                             std::string& kept);

// As errors show it: 'x', 12, NULL.
std::string in_words(const engine::SqlValue& value);

}  // namespace kimdb::database::sql
