// What the CLI looks up by itself, beside what the person asks for: the commands there are, and
// keys, tables and columns for the Tab key. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/catalog.h"
#include "cli/executor.h"

namespace kimdb::cli {

// Empty where it cannot be had.
CommandCatalog load_command_catalog(Executor& executor);

// The names of typed tables and of their columns, sorted; of the first tables where there are many.
std::vector<std::string> sql_names(Executor& executor);

// Keys that begin with `prefix`, sorted; not all of them in a large database: the search is bounded
// in keys found and in requests made. Keys that would have to be quoted are left out.
std::vector<std::string> keys_with_prefix(Executor& executor, std::string_view prefix);

// Collections, settings of CONFIG and a collection's indexes whose names begin so, sorted.
std::vector<std::string> collections_with_prefix(Executor& executor, std::string_view prefix);
std::vector<std::string> settings_with_prefix(Executor& executor, std::string_view prefix);
std::vector<std::string> indexes_with_prefix(Executor& executor, const std::string& collection,
                                             std::string_view prefix);

}  // namespace kimdb::cli
