#include "database/sql/source_module.h"

#include <sqlite3.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "database/sql/inspection.h"
#include "database/sql/source.h"
#include "database/sql/sqlite.h"
#include "database/sql/sqlite_handle.h"

namespace kimdb::database::sql {

namespace {

using engine::SqlValue;

constexpr double kLookupCost = 3;
// As for typed tables (access_path.cc).
constexpr double kIndexCost = 20;
constexpr double kIndexRowCost = 4;
constexpr double kEqualLeaves = 0.01;
constexpr int kByColumn = 1;  // and its number

struct Table : sqlite3_vtab {
  Table(SqliteHandle& its_handle, std::unique_ptr<Source> its_source)
      : sqlite3_vtab{}, handle(its_handle), source(std::move(its_source)) {}

  SqliteHandle& handle;
  const std::unique_ptr<Source> source;
};

struct Cursor : sqlite3_vtab_cursor {
  Cursor() : sqlite3_vtab_cursor{} {}

  void look() {
    if (count != nullptr && !rows->at_end()) ++count->rows;
  }

  std::unique_ptr<SourceRows> rows;
  Execution::Access* count = nullptr;  // for EXPLAIN ANALYZE
};

Table& table_of(sqlite3_vtab* table) { return *static_cast<Table*>(table); }
Cursor& cursor_of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

int connect(sqlite3* database, void* handle, int /*count*/, const char* const* /*words*/,
            sqlite3_vtab** made, char** /*error*/) {
  auto& owner = *static_cast<SqliteHandle*>(handle);
  std::unique_ptr<Source> source = owner.take_source();
  if (source == nullptr) return SQLITE_ERROR;
  if (const int code = sqlite3_declare_vtab(database, source->declaration().c_str());
      code != SQLITE_OK)
    return code;
  *made = std::make_unique<Table>(owner, std::move(source)).release();
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  const std::unique_ptr<Table> gone(&table_of(table));
  return SQLITE_OK;
}

int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  Source& source = *table_of(vtab).source;
  const double rows = source.row_count();
  info->estimatedCost = rows + 1;
  info->estimatedRows = static_cast<sqlite3_int64>(rows);
  const std::string name(source.name());
  std::string words =
      "scan of " + name + ", about " + std::to_string(info->estimatedRows) + " rows";
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    const bool fits = constraint.op == SQLITE_INDEX_CONSTRAINT_EQ && constraint.iColumn >= 0 &&
                      constraint.usable != 0 &&
                      source.finds_by(static_cast<std::size_t>(constraint.iColumn)) &&
                      equals_ignoring_case(sqlite3_vtab_collation(info, i), "BINARY");
    const bool finds_one = fits && constraint.iColumn == 0;
    const double found = finds_one ? 1 : std::max(1.0, rows * kEqualLeaves);
    const double cost = finds_one ? kLookupCost : kIndexCost + found * kIndexRowCost;
    if (!fits || cost >= info->estimatedCost) continue;
    for (int other = 0; other < i; ++other) {
      info->aConstraintUsage[other].argvIndex = 0;
      sqlite3_vtab_in(info, other, 0);
    }
    info->aConstraintUsage[i].argvIndex = 1;
    // All values of an IN at once: SQLite looks again by IN itself (typed_module.cc).
    sqlite3_vtab_in(info, i, 1);
    info->idxNum = kByColumn + constraint.iColumn;
    info->estimatedCost = cost;
    info->estimatedRows = static_cast<sqlite3_int64>(found);
    words = finds_one ? name + " by its first column, at most 1 row"
                      : name + " by an index, about " + std::to_string(info->estimatedRows) +
                            (found < 2 ? " row" : " rows");
  }
  info->idxStr = sqlite3_mprintf("%s%c", words.c_str(), kEndOfPlanWords);
  info->needToFreeIdxStr = 1;
  return info->idxStr == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

// What a column is sought to be equal to: the values of an IN, or this one; none is equal to null.
// Of an IN each is valid until the next one is asked for: their bytes go into `kept`.
std::vector<SqlValue> values_of(sqlite3_value* argument, std::deque<std::string>& kept) {
  std::vector<SqlValue> values;
  sqlite3_value* item = nullptr;
  int code = sqlite3_vtab_in_first(argument, &item);
  const bool is_list = code == SQLITE_OK || code == SQLITE_DONE;
  for (; code == SQLITE_OK; code = sqlite3_vtab_in_next(argument, &item)) {
    SqlValue& value = values.emplace_back(value_of(item));
    value.bytes = kept.emplace_back(value.bytes);
  }
  if (!is_list) values.push_back(value_of(argument));
  std::erase_if(values, [](const SqlValue& value) { return value.is_null(); });
  return values;
}

int open(sqlite3_vtab* /*vtab*/, sqlite3_vtab_cursor** made) {
  *made = std::make_unique<Cursor>().release();
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  const std::unique_ptr<Cursor> gone(&cursor_of(cursor));
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* vtab_cursor, int number, const char* description, int /*count*/,
           sqlite3_value** values) {
  Cursor& cursor = cursor_of(vtab_cursor);
  const Table& table = table_of(vtab_cursor->pVtab);
  Execution* const execution = table.handle.execution;
  if (execution == nullptr) return SQLITE_MISUSE;
  std::optional<Source::Sought> sought;
  std::deque<std::string> kept;
  if (number >= kByColumn)
    sought = {.column = static_cast<std::size_t>(number - kByColumn),
              .values = values_of(values[0], kept)};
  // What is no text SQLite may compare with the first column, which is one, in other ways than by
  // its bytes.
  if (sought && sought->column == 0 &&
      std::any_of(sought->values.begin(), sought->values.end(),
                  [](const SqlValue& value) { return value.kind != SqlValue::Kind::text; }))
    sought.reset();
  cursor.rows = table.source->begin(*execution, sought);
  if (cursor.rows == nullptr) return SQLITE_ABORT;
  cursor.count = execution->begin_access(path_in_words(plan_words(description)));
  cursor.look();
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* vtab_cursor) {
  Cursor& cursor = cursor_of(vtab_cursor);
  if (!cursor.rows->next()) return SQLITE_ABORT;
  cursor.look();
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* cursor) { return cursor_of(cursor).rows->at_end() ? 1 : 0; }

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int number) {
  set_result(context, cursor_of(cursor).rows->column(static_cast<std::size_t>(number)),
             SQLITE_TRANSIENT);
  return SQLITE_OK;
}

int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = cursor_of(cursor).rows->id();
  return SQLITE_OK;
}

const sqlite3_module kModule = {
    .iVersion = 1,
    .xCreate = connect,
    .xConnect = connect,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xDestroy = disconnect,
    .xOpen = open,
    .xClose = close,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = rowid,
};

}  // namespace

void register_sources(SqliteHandle& handle) {
  sqlite3_create_module(handle.get(), "source", &kModule, &handle);
}

}  // namespace kimdb::database::sql
