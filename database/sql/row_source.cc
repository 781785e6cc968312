#include "database/sql/row_source.h"

#include <memory>

#include "database/sql/sqlite.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/typed_module.h"

namespace kimdb::database::sql {

namespace {

struct Table : sqlite3_vtab {
  explicit Table(RowSource& its_source) : sqlite3_vtab{}, source(its_source) {}
  RowSource& source;
};

struct Cursor : sqlite3_vtab_cursor {
  Cursor() : sqlite3_vtab_cursor{} {}
  std::size_t row = 0;
  std::string kept;
};

RowSource& source_of(sqlite3_vtab* table) { return static_cast<Table*>(table)->source; }
Cursor& cursor_of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

std::string declaration(const RowSource& source) {
  std::string columns = declared_columns(*source.table, "", "");
  if (source.has_excluded)
    columns += ", " + declared_columns(*source.table, "excluded.", "HIDDEN ");
  return "CREATE TABLE x(" + columns + ")";
}

int connect(sqlite3* database, void* handle, int /*count*/, const char* const* words,
            sqlite3_vtab** made, char** error) {
  RowSource* const source = static_cast<SqliteHandle*>(handle)->row_source_named(words[2]);
  if (source == nullptr) {
    *error = sqlite3_mprintf("no such table");
    return SQLITE_ERROR;
  }
  if (const int code = sqlite3_declare_vtab(database, declaration(*source).c_str());
      code != SQLITE_OK)
    return code;
  *made = std::make_unique<Table>(*source).release();
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  const std::unique_ptr<Table> gone(static_cast<Table*>(table));
  return SQLITE_OK;
}

int best_index(sqlite3_vtab* /*table*/, sqlite3_index_info* info) {
  info->estimatedCost = 1;
  info->estimatedRows = 1;
  return SQLITE_OK;
}

int open(sqlite3_vtab* /*table*/, sqlite3_vtab_cursor** made) {
  *made = std::make_unique<Cursor>().release();
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  const std::unique_ptr<Cursor> gone(&cursor_of(cursor));
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int /*number*/, const char* /*description*/, int /*count*/,
           sqlite3_value** /*values*/) {
  cursor_of(cursor).row = 0;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* cursor) {
  ++cursor_of(cursor).row;
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* cursor) {
  return cursor_of(cursor).row >= source_of(cursor->pVtab).rows.size() ? 1 : 0;
}

int column(sqlite3_vtab_cursor* vtab_cursor, sqlite3_context* context, int number) {
  Cursor& cursor = cursor_of(vtab_cursor);
  const RowSource& source = source_of(vtab_cursor->pVtab);
  const std::size_t columns = source.table->visible().size();
  const auto at = static_cast<std::size_t>(number);
  if (sqlite3_vtab_nochange(context) != 0) return SQLITE_OK;
  const std::string_view row = at < columns ? source.rows[cursor.row] : source.excluded;
  show_column(context, *source.table, {source.table->layout(), row},
              source.table->visible()[at % columns], cursor.kept);
  return SQLITE_OK;
}

int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(cursor_of(cursor).row);
  return SQLITE_OK;
}

// Nothing changes but what an UPDATE gives.
int update(sqlite3_vtab* table, int count, sqlite3_value** values, sqlite3_int64* /*id*/) {
  if (count == 1 || sqlite3_value_type(values[0]) == SQLITE_NULL) return SQLITE_READONLY;
  RowSource& source = source_of(table);
  const std::size_t columns = source.table->visible().size();
  source.updated = true;
  source.kept.clear();
  source.given.assign(columns, {});
  source.changed.assign(columns, false);
  for (std::size_t i = 0; i < columns; ++i) {
    if (sqlite3_value_nochange(values[i + 2]) != 0) continue;
    source.changed[i] = true;
    source.given[i] = kept_value(value_of(values[i + 2]), source.kept);
  }
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
    .xUpdate = update,
};

}  // namespace

void register_row_sources(SqliteHandle& handle) {
  sqlite3_create_module(handle.get(), "row_source", &kModule, &handle);
}

}  // namespace kimdb::database::sql
