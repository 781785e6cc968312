// What can be asked about the database in SQL: SHOW …, DESCRIBE, and how a
// statement is planned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/sql/answer.h"
#include "database/sql/catalog.h"
#include "database/sql/source.h"
#include "engine/engine.h"

namespace kimdb::database::sql {

struct TableSize {
  std::size_t rows = 0;
  std::uint64_t bytes = 0;  // of keys and rows
};
// Takes the partitions' locks one after the other.
TableSize size_of(engine::Engine& engine, const TypedTable& table);

Answer show_tables(engine::Engine& engine, const CatalogState& catalog);
// Lines of "name:value" (database/info.h) as rows.
Answer show_status(std::string_view info);
Answer describe(const TypedTable& table);
Answer describe(const std::vector<SourceColumn>& columns);
// Of one table, or where that is null of all.
Answer show_indexes(const CatalogState& catalog, const TypedTable* table);

// What a virtual table tells SQLite of a path: words for people, this, and more for itself.
constexpr char kEndOfPlanWords = '\x1f';
std::string_view plan_words(std::string_view description);
// The words without the number of rows, which is another one when the statement is compiled again.
std::string_view path_in_words(std::string_view words);
// A step of SQLite's plan as kimdb says it: of "SCAN u VIRTUAL TABLE INDEX 1:users by primary key
// (id = ?), at most 1 row" what stands behind the colon.
std::string plan_step(std::string_view detail);

}  // namespace kimdb::database::sql
