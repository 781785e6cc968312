// What the Tab key offers and what is hinted behind the cursor. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/catalog.h"

namespace kimdb::cli {

// A line that is still being typed, cut into words by the line protocol's rules as far as they can
// be applied: the last word is the one the cursor is in, maybe empty, maybe an open quote.
struct TypedLine {
  std::vector<std::string> words;  // those that are finished
  std::string current;             // the one being typed, as typed
  std::size_t current_begin = 0;   // its offset in the line
  bool in_quotes = false;          // it began with a quote or bracket: nothing is offered
};
TypedLine cut_typed_line(std::string_view line);

struct Completions {
  std::vector<std::string> words;  // fit the current word, by name
  // What fits as well, and begins with the current word:
  bool keys = false;
  bool sql = false;  // names of tables and columns
  bool collections = false;
  bool settings = false;   // names of CONFIG
  std::string indexes_of;  // names of this collection's indexes
};
// For the text left of the cursor.
Completions complete(const CommandCatalog& catalog, std::string_view line);

// Adds SQL's words and those of the names that begin as what is typed behind the last sign of SQL.
void offer_sql(const std::vector<std::string>& names, std::string_view line,
               std::vector<std::string>& words);

// What may follow the line, to be shown right of it; empty where nothing is known. Begins with a
// space where the line does not end in one.
std::string hint(const CommandCatalog& catalog, std::string_view line);

// The glob pattern that matches exactly the keys that begin with `prefix`.
std::string prefix_pattern(std::string_view prefix);

}  // namespace kimdb::cli
