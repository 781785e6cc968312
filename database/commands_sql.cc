// SQL: statements over typed tables (docs/sql.md).

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "database/command_table.h"
#include "database/context.h"
#include "database/database.h"
#include "database/sql/json_value.h"
#include "database/sql/sql.h"
#include "engine/json_reader.h"

namespace kimdb::database {

namespace {

using engine::SqlValue;

// The items of a JSON array as values; arrays and objects in it as their text, which goes into
// `texts`.
std::optional<std::vector<SqlValue>> values_of_json(std::string_view json,
                                                    std::vector<std::string>& texts) {
  engine::JsonElement list;
  if (!engine::JsonReader::of_this_thread().read(json, list) || !list.is_array())
    return std::nullopt;
  const simdjson::dom::array items(list);
  texts.reserve(items.size());
  std::vector<SqlValue> values;
  for (const engine::JsonElement item : items)
    values.push_back(sql::value_of_json(item, texts.emplace_back()));
  return values;
}

void run_statement(Context& c) {
  if (c.words.size() == 2) return c.database.sql().execute(c, c.words[1], {});
  std::vector<SqlValue> values;
  std::vector<std::string> texts;
  if (equals_ignoring_case(c.words[2], "args")) {
    for (const std::string_view word : c.words.subspan(3)) values.push_back(SqlValue::text(word));
  } else if (equals_ignoring_case(c.words[2], "params") && c.words.size() == 4) {
    auto read = values_of_json(c.words[3], texts);
    if (!read) return c.reply.error("ERR PARAMS takes a JSON array");
    values = std::move(*read);
  } else {
    return c.reply.error("ERR syntax error: SQL statement [ARGS value … | PARAMS array]");
  }
  c.database.sql().execute(c, c.words[1], values);
}

const std::array<CommandRow, 1> kRows = {{
    {.name = "sql",
     .arity = -2,
     .flags = kRead | kSlow | kNoMulti,
     .handler = run_statement,
     .family = "tables",
     .syntax = "statement [ARGS value … | PARAMS array]",
     .help = "Run an SQL statement, its ? given as words or as a JSON array."},
}};

}  // namespace

std::span<const CommandRow> sql_commands() { return kRows; }

}  // namespace kimdb::database
