#include "database/sql/typed_module.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "database/sql/access_path.h"
#include "database/sql/column_value.h"
#include "database/sql/inspection.h"
#include "database/sql/key_batch.h"
#include "database/sql/row_cursor.h"
#include "database/sql/row_writer.h"
#include "database/sql/sqlite.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/time_comparison.h"
#include "database/sql/timestamp.h"
#include "engine/ordered_bytes.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

namespace {

using engine::ColumnType;
using engine::SqlValue;

// Of a LIMIT that is a parameter.
constexpr double kParameterRows = 100;

struct Table : sqlite3_vtab {
  Table(SqliteHandle& its_handle, TypedTablePointer its_table)
      : sqlite3_vtab{},
        handle(its_handle),
        table(std::move(its_table)),
        writer(its_handle.writer_of(table)) {}

  // Where a statement is compiled: how many rows there are now.
  double row_count() {
    if (counted_for != handle.compilations()) {
      counted_for = handle.compilations();
      rows = static_cast<double>(size_of(handle.engine(), *table).rows);
    }
    return rows;
  }

  SqliteHandle& handle;
  const TypedTablePointer table;
  RowWriter& writer;
  std::uint64_t counted_for = 0;
  double rows = 0;
};

struct ValueDeleter {
  void operator()(sqlite3_value* value) const { sqlite3_value_free(value); }
};
using ValuePointer = std::unique_ptr<sqlite3_value, ValueDeleter>;

// The values of an IN, which the cursor's path is gone for one after the other. A path may lead to
// rows with other values as well: each row is given for its own value alone.
struct ListOfValues {
  int number = 0;  // the path
  std::vector<ValuePointer> kept;
  std::vector<sqlite3_value*> arguments;  // of the path; the list's is set anew each time
  std::size_t argument = 0;               // which one that is
  std::uint32_t place = 0;                // of its column
  std::vector<ValuePointer> values;
  std::size_t next = 0;
  std::optional<SqlValue> value;  // that the path is gone for; nothing: no row has it
};

struct Cursor : sqlite3_vtab_cursor {
  explicit Cursor(const Table& table)
      : sqlite3_vtab_cursor{}, rows(table.table), batch(table.table) {}

  void look() {
    if (rows.at_end()) return;
    row = {rows.table().layout(), rows.row().bytes()};
    if (count != nullptr) ++count->rows;
  }

  RowCursor rows;
  KeyBatch batch;
  engine::RowView row;
  std::string key;
  std::string kept;
  std::unique_ptr<ListOfValues> list;  // null: there is none, or it is done
  Execution::Access* count = nullptr;  // for EXPLAIN ANALYZE
};

Table& table_of(sqlite3_vtab* table) { return *static_cast<Table*>(table); }
Cursor& cursor_of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

// --- the table ---

std::string declared_type(const engine::Column& column) {
  switch (column.type) {
    case ColumnType::timestamp:
      return "TIMESTAMP TEXT COLLATE timestamp";
    case ColumnType::json:
      return "JSON TEXT";
    default:
      return engine::full_type_name(column);
  }
}

std::string declaration(const TypedTable& table) {
  return "CREATE TABLE x(" + declared_columns(table, "", "") + ")";
}

int connect(sqlite3* database, void* handle, int /*count*/, const char* const* words,
            sqlite3_vtab** made, char** error) {
  auto& owner = *static_cast<SqliteHandle*>(handle);
  const TypedTablePointer table = owner.catalog()->find(words[2]);
  if (table == nullptr) {
    *error = sqlite3_mprintf("no such table");
    return SQLITE_ERROR;
  }
  if (const int code = sqlite3_declare_vtab(database, declaration(*table).c_str());
      code != SQLITE_OK)
    return code;
  sqlite3_vtab_config(database, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
  *made = std::make_unique<Table>(owner, table).release();
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  const std::unique_ptr<Table> gone(&table_of(table));
  return SQLITE_OK;
}

// --- planning ---

std::optional<Condition::Op> op_of(unsigned char op) {
  switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
      return Condition::Op::equal;
    case SQLITE_INDEX_CONSTRAINT_GT:
      return Condition::Op::greater;
    case SQLITE_INDEX_CONSTRAINT_GE:
      return Condition::Op::greater_or_equal;
    case SQLITE_INDEX_CONSTRAINT_LT:
      return Condition::Op::less;
    case SQLITE_INDEX_CONSTRAINT_LE:
      return Condition::Op::less_or_equal;
    case SQLITE_INDEX_CONSTRAINT_LIKE:
      return Condition::Op::like;
    default:
      return std::nullopt;
  }
}

// SQLite gives the values of an IN one after the other, and looks again at what was found by
// comparing it with the value: as its column is compared with a constant. Beside (SELECT number …)
// a text is compared as a number, though. Where all values are asked for at once, SQLite looks
// again by IN itself.
bool compares_as_text(ColumnType type) {
  return type == ColumnType::text || type == ColumnType::json || type == ColumnType::timestamp;
}

// A path as the number that SQLite keeps: kind 2 bits, then whether there is a lower bound, whether
// it is inclusive, the same of the upper one, whether it finds one row at most, and filters; 8 bits
// for the equal columns, 12 for the index, then whether rows come in the key's order, whether
// backwards, and whether one of the equal columns has a list of values.
enum : int {
  kKindMask = 3,
  kLower = 4,
  kLowerInclusive = 8,
  kUpper = 16,
  kUpperInclusive = 32,
  kFindsOne = 64,
  kFilters = 128,
  kOrdered = 1 << 28,
  kDescending = 1 << 29,
  kWholeList = 1 << 30,
  kEqualShift = 8,
  kIndexShift = 16,
  kIndexMask = 0xfff
};

int number_of(const AccessPath& path, const std::vector<Condition>& conditions) {
  int number = static_cast<int>(path.kind) | static_cast<int>(path.equal.size()) << kEqualShift |
               static_cast<int>(path.index) << kIndexShift;
  if (path.lower) {
    number |= kLower;
    if (conditions[*path.lower].op == Condition::Op::greater_or_equal) number |= kLowerInclusive;
  }
  if (path.upper) {
    number |= kUpper;
    if (conditions[*path.upper].op == Condition::Op::less_or_equal) number |= kUpperInclusive;
  }
  if (path.finds_one) number |= kFindsOne;
  if (!path.filters.empty()) number |= kFilters;
  if (path.order != AccessPath::Order::none) number |= kOrdered;
  if (path.order == AccessPath::Order::descending) number |= kDescending;
  for (const std::size_t condition : path.equal)
    if (conditions[condition].is_whole_list) number |= kWholeList;
  return number;
}

// How many rows are wanted; SQLite says it only where no other table and no grouping is between.
std::optional<double> limit_of(sqlite3_index_info* info) {
  std::optional<double> limit;
  for (int i = 0; i < info->nConstraint; ++i) {
    const int op = info->aConstraint[i].op;
    if (op != SQLITE_INDEX_CONSTRAINT_LIMIT && op != SQLITE_INDEX_CONSTRAINT_OFFSET) continue;
    sqlite3_value* value = nullptr;
    const bool is_known = sqlite3_vtab_rhs_value(info, i, &value) == SQLITE_OK;
    const double rows = is_known ? sqlite3_value_double(value) : kParameterRows;
    if (rows >= 0) limit = limit.value_or(0) + rows;
  }
  return limit;
}

int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  Table& table = table_of(vtab);
  std::vector<Condition> conditions;
  std::vector<int> constraints;  // the number that SQLite gives each
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    const auto op = op_of(constraint.op);
    if (!op || constraint.iColumn < 0 || constraint.usable == 0) continue;
    if (op == Condition::Op::like && table.handle.compiles_outer_join()) continue;
    const std::uint32_t place =
        table.table->visible()[static_cast<std::size_t>(constraint.iColumn)];
    const bool is_time = table.table->schema().columns[place].type == ColumnType::timestamp;
    const std::string_view collation = sqlite3_vtab_collation(info, i);
    if (!equals_ignoring_case(collation, is_time ? kTimeCollation : "BINARY")) continue;
    const bool is_list = sqlite3_vtab_in(info, i, -1) != 0;
    conditions.push_back({place, *op, is_list,
                          is_list && compares_as_text(table.table->schema().columns[place].type)});
    constraints.push_back(i);
  }
  std::vector<OrderTerm> order;
  for (int i = 0; i < info->nOrderBy; ++i) {
    const auto& term = info->aOrderBy[i];
    if (term.iColumn < 0) break;
    order.push_back(
        {table.table->visible()[static_cast<std::size_t>(term.iColumn)], term.desc != 0});
  }
  if (std::ssize(order) != info->nOrderBy) order.clear();  // of rowids, which mean nothing
  const auto paths =
      access_paths(*table.table, conditions, order, table.row_count(), limit_of(info));
  const AccessPath& best =
      *std::min_element(paths.begin(), paths.end(),
                        [](const AccessPath& a, const AccessPath& b) { return a.cost < b.cost; });
  int argument = 0;
  const auto use = [&](std::size_t condition, bool exactly) {
    auto& usage = info->aConstraintUsage[constraints[condition]];
    usage.argvIndex = ++argument;
    usage.omit = exactly ? 1 : 0;
  };
  // What stands under a primary key that is known whole needs no second look, but for text
  // (compares_unknowably), and where several keys are.
  const bool has_text = std::any_of(best.equal.begin(), best.equal.end(), [&](std::size_t i) {
    const ColumnType type = table.table->schema().columns[conditions[i].place].type;
    return type == ColumnType::text || type == ColumnType::json || conditions[i].is_whole_list;
  });
  const bool exactly = best.kind == AccessPath::Kind::primary_key && best.finds_one && !has_text;
  for (const std::size_t condition : best.equal) {
    use(condition, exactly);
    if (conditions[condition].is_whole_list) sqlite3_vtab_in(info, constraints[condition], 1);
  }
  if (best.lower) use(*best.lower, false);
  if (best.upper) use(*best.upper, false);
  for (const std::size_t condition : best.filters) use(condition, false);
  info->idxNum = number_of(best, conditions);
  info->idxStr = sqlite3_mprintf("%s%c%s", best.in_words(*table.table, conditions).c_str(),
                                 kEndOfPlanWords, encode_filters(best, conditions).c_str());
  if (info->idxStr == nullptr) return SQLITE_NOMEM;
  info->needToFreeIdxStr = 1;
  info->estimatedCost = best.cost;
  info->estimatedRows = static_cast<sqlite3_int64>(best.rows);
  // Of other paths the first row may be none that the condition holds for.
  if (exactly) info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
  info->orderByConsumed = best.order == AccessPath::Order::none ? 0 : 1;
  return SQLITE_OK;
}

// --- reading ---

int open(sqlite3_vtab* vtab, sqlite3_vtab_cursor** made) {
  *made = std::make_unique<Cursor>(table_of(vtab)).release();
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  const std::unique_ptr<Cursor> gone(&cursor_of(cursor));
  if (Execution* const execution = table_of(cursor->pVtab).handle.execution; execution != nullptr)
    execution->forget(gone->rows);
  return SQLITE_OK;
}

// The statement ends with this code; Sql knows why.
int stop() { return SQLITE_ABORT; }

enum class Match { none, some, unknown };

Match read_bounds(const Table& table, const KeyColumns& columns, int number, sqlite3_value** values,
                  Bounds& bounds) {
  const auto type_of = [&](std::size_t column) {
    return table.table->schema().columns[columns.places[column]].type;
  };
  const auto equal = static_cast<std::size_t>(number >> kEqualShift & 0xff);
  for (std::size_t i = 0; i < equal; ++i) {
    const SqlValue given = value_of(*values++);
    if (compares_unknowably(type_of(i), given)) return Match::unknown;
    const auto value = given.is_null() ? std::nullopt : compared_value(type_of(i), given);
    if (!value) return Match::none;
    bounds.equal.push_back(*value);
  }
  const auto bound = [&](int flag, int inclusive, std::optional<Bounds::Bound>& made) {
    if ((number & flag) == 0) return true;
    const SqlValue given = value_of(*values++);
    if (given.is_null()) return false;
    // One that the column's values cannot be compared with bounds nothing here: SQLite looks again.
    if (const auto value = compared_value(type_of(equal), given))
      made = Bounds::Bound{*value, (number & inclusive) != 0};
    return true;
  };
  const bool some =
      bound(kLower, kLowerInclusive, bounds.lower) && bound(kUpper, kUpperInclusive, bounds.upper);
  return some ? Match::some : Match::none;
}

bool is_of(const engine::IndexDefinition& definition, const engine::TableIndex& wanted) {
  std::vector<bool> descending;
  for (const engine::SortField& field : definition.order) descending.push_back(field.descending);
  return definition.name == wanted.name && definition.columns == wanted.columns &&
         definition.hash == wanted.hash && descending == wanted.descending;
}

// By the whole primary key. The key's bytes are made in the cursor's: nested loops look up
// millions.
bool begin_lookup(const Table& table, Cursor& cursor, Execution& execution,
                  sqlite3_value** values) {
  const engine::TableSchema& schema = table.table->schema();
  if (schema.primary_key.size() == 1) {
    const SqlValue given = value_of(values[0]);
    if (const FoundRow* row = cursor.batch.find(execution, given)) {
      cursor.rows.begin_row(execution, *row);
      return true;
    }
  }
  cursor.key = table.table->prefix();
  for (const std::uint32_t place : schema.primary_key) {
    const ColumnType type = schema.columns[place].type;
    const SqlValue given = value_of(*values++);
    if (compares_unknowably(type, given))
      return cursor.rows.begin_range(execution, {table.table->prefix(), {}});
    const auto value = given.is_null() ? std::nullopt : compared_value(type, given);
    if (!value) {
      cursor.rows.begin_empty();
      return true;
    }
    engine::append_row_key_part(cursor.key, *value);
  }
  return cursor.rows.begin_key(execution, cursor.key);
}

bool begin(const Table& table, Cursor& cursor, Execution& execution, int number,
           sqlite3_value** values) {
  const auto kind = static_cast<AccessPath::Kind>(number & kKindMask);
  const std::string& prefix = table.table->prefix();
  const engine::KeyRange whole{prefix, {}};
  const auto begin_range = [&](const engine::KeyRange& range) {
    return (number & kOrdered) != 0
               ? cursor.rows.begin_ordered(execution, range, (number & kDescending) != 0)
               : cursor.rows.begin_range(execution, range);
  };
  if (kind == AccessPath::Kind::scan) return begin_range(whole);
  if (kind == AccessPath::Kind::primary_key && (number & kFindsOne) != 0)
    return begin_lookup(table, cursor, execution, values);
  const auto index_number = static_cast<std::size_t>(number >> kIndexShift & kIndexMask);
  const KeyColumns columns = key_columns(*table.table, kind, index_number);
  Bounds bounds;
  const Match match = read_bounds(table, columns, number, values, bounds);
  if (match == Match::none) {
    cursor.rows.begin_empty();
    return true;
  }
  if (kind == AccessPath::Kind::primary_key)
    return begin_range(match == Match::unknown ? whole : key_range(prefix, columns, bounds));
  const engine::TableIndex& definition = table.table->schema().indexes[index_number];
  engine::IndexPlan plan;
  plan.index = whole_index(table.handle.engine(), *table.table, definition);
  if ((number & kOrdered) != 0) {
    const bool backwards = (number & kDescending) != 0;
    if (plan.index == nullptr) return cursor.rows.begin_sorted(execution, definition, backwards);
    return cursor.rows.begin_index_ordered(
        execution, std::move(plan.index),
        match == Match::unknown ? engine::KeyRange() : key_range("", columns, bounds), backwards);
  }
  // Being made, or gone: the condition is looked at again anyway.
  if (plan.index == nullptr || match == Match::unknown)
    return cursor.rows.begin_range(execution, whole);
  engine::KeyRange range = key_range("", columns, bounds);
  if (definition.hash) {
    range.begin = engine::finish_index_key(plan.index->definition(), std::move(range.begin));
    range.end = engine::behind_all(range.begin);
  }
  plan.ranges.push_back(std::move(range));
  return cursor.rows.begin_index(execution, std::move(plan));
}

// Takes the values of an IN out of the path's. Null where there is no memory, and nothing in
// `values` where some are compared with the column nobody knows how: all rows have to be looked at.
std::unique_ptr<ListOfValues> read_list(const Table& table, int number, int count,
                                        sqlite3_value** arguments) {
  auto list = std::make_unique<ListOfValues>();
  list->number = number;
  const auto index_number = static_cast<std::size_t>(number >> kIndexShift & kIndexMask);
  const KeyColumns columns =
      key_columns(*table.table, static_cast<AccessPath::Kind>(number & kKindMask), index_number);
  sqlite3_value* item = nullptr;
  for (int i = 0; i < count; ++i) {
    int code = sqlite3_vtab_in_first(arguments[i], &item);
    if (code != SQLITE_OK && code != SQLITE_DONE) {
      list->kept.emplace_back(sqlite3_value_dup(arguments[i]));
      if (list->kept.back() == nullptr) return nullptr;
      list->arguments.push_back(list->kept.back().get());
      continue;
    }
    list->argument = static_cast<std::size_t>(i);
    list->arguments.push_back(nullptr);
    list->place = columns.places[list->argument];
    const ColumnType type = table.table->schema().columns[list->place].type;
    for (; code == SQLITE_OK; code = sqlite3_vtab_in_next(arguments[i], &item)) {
      if (compares_unknowably(type, value_of(item))) {
        list->values.clear();
        list->arguments.clear();
        return list;
      }
      list->values.emplace_back(sqlite3_value_dup(item));
      if (list->values.back() == nullptr) return nullptr;
    }
    if (code != SQLITE_DONE) return nullptr;
  }
  return list;
}

// Goes on to the next row that is one of the list's, if the cursor is at none; begins the path for
// the next values until there is one.
bool find_next_of_list(const Table& table, Cursor& cursor, Execution& execution) {
  ListOfValues& list = *cursor.list;
  const TypedTable& typed = *table.table;
  for (;;) {
    while (!cursor.rows.at_end()) {
      const engine::RowView row(typed.layout(), cursor.rows.row().bytes());
      if (list.value == typed.column(row, list.place)) return true;
      if (!cursor.rows.next()) return false;
    }
    if (list.next == list.values.size()) {
      cursor.list.reset();
      return true;
    }
    sqlite3_value* const value = list.values[list.next++].get();
    list.arguments[list.argument] = value;
    list.value = compared_value(typed.schema().columns[list.place].type, value_of(value));
    if (list.value && !begin(table, cursor, execution, list.number, list.arguments.data()))
      return false;
  }
}

bool begin_list(const Table& table, Cursor& cursor, Execution& execution, int number, int count,
                sqlite3_value** values) {
  cursor.list = read_list(table, number, count, values);
  if (cursor.list == nullptr) return false;
  if (cursor.list->arguments.empty()) {
    cursor.list.reset();
    return cursor.rows.begin_range(execution, {table.table->prefix(), {}});
  }
  cursor.rows.begin_empty();
  return find_next_of_list(table, cursor, execution);
}

// Of the path's values the last ones.
void begin_filter(const TypedTable& table, RowFilter& filter, std::string_view word, int count,
                  sqlite3_value** values) {
  const std::vector<Condition> conditions = read_filters(word);
  values += static_cast<std::size_t>(count) - conditions.size();
  for (const Condition& condition : conditions) filter.add(table, condition, value_of(*values++));
}

int filter(sqlite3_vtab_cursor* vtab_cursor, int number, const char* description, int count,
           sqlite3_value** values) {
  Cursor& cursor = cursor_of(vtab_cursor);
  const Table& table = table_of(vtab_cursor->pVtab);
  Execution* const execution = table.handle.execution;
  if (execution == nullptr) return SQLITE_MISUSE;
  cursor.rows.filter().clear();
  if ((number & kFilters) != 0) {
    const std::string_view words = plan_words(description);
    begin_filter(*table.table, cursor.rows.filter(), description + words.size() + 1, count, values);
  }
  cursor.list.reset();
  const bool begun = (number & kWholeList) != 0
                         ? begin_list(table, cursor, *execution, number, count, values)
                         : begin(table, cursor, *execution, number, values);
  if (!begun) return stop();
  if (execution->counts)
    cursor.count = execution->begin_access(path_in_words(plan_words(description)));
  cursor.look();
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* vtab_cursor) {
  Cursor& cursor = cursor_of(vtab_cursor);
  if (!cursor.rows.next()) return stop();
  if (cursor.list != nullptr) {
    const Table& table = table_of(vtab_cursor->pVtab);
    if (!find_next_of_list(table, cursor, *table.handle.execution)) return stop();
  }
  cursor.look();
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* cursor) { return cursor_of(cursor).rows.at_end() ? 1 : 0; }

int column(sqlite3_vtab_cursor* vtab_cursor, sqlite3_context* context, int number) {
  Cursor& cursor = cursor_of(vtab_cursor);
  const Table& table = table_of(vtab_cursor->pVtab);
  Execution& execution = *table.handle.execution;
  // Of an UPDATE: nobody needs what stays.
  if (execution.writes && sqlite3_vtab_nochange(context) != 0) return SQLITE_OK;
  const std::uint32_t place = table.table->visible()[static_cast<std::size_t>(number)];
  execution.last_read = {&cursor.rows, place};
  show_column(context, cursor.rows.table(), cursor.row, place, cursor.kept);
  return SQLITE_OK;
}

int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = cursor_of(cursor).rows.row().id();
  return SQLITE_OK;
}

// --- writing ---

OnConflict on_conflict(sqlite3* database) {
  switch (sqlite3_vtab_on_conflict(database)) {
    case SQLITE_IGNORE:
      return OnConflict::ignore;
    case SQLITE_REPLACE:
      return OnConflict::replace;
    case SQLITE_FAIL:
      return OnConflict::fail;
    case SQLITE_ROLLBACK:
      return OnConflict::rollback;
    default:
      return OnConflict::refuse;
  }
}

// The rowid that a statement gives a row: another name of a key of one whole number. False, and an
// error, where the table has none.
bool take_rowid(const TypedTable& table, Execution& execution, const SqlValue& id,
                std::vector<SqlValue>& given, std::vector<bool>& changed) {
  const auto at = table.rowid_column();
  if (!at) {
    execution.error = Error{ErrorCode::invalid_argument,
                            "table " + table.schema().name +
                                " has no rowid: only a primary key of one INT or BIGINT is one"};
    return false;
  }
  given[*at] = id;
  changed[*at] = true;
  return true;
}

int update(sqlite3_vtab* vtab, int count, sqlite3_value** values, sqlite3_int64* /*id*/) {
  Table& table = table_of(vtab);
  Execution& execution = *table.handle.execution;
  const bool inserts = sqlite3_value_type(values[0]) == SQLITE_NULL;
  const FoundRow row = FoundRow::of_id(inserts ? 0 : sqlite3_value_int64(values[0]));
  // Why the statement ends is said by what made it end, if anything did.
  const auto fail = [&](Error error) {
    if (execution.stopped == Execution::Stopped::no) execution.error = std::move(error);
    return stop();
  };
  if (count == 1) {
    table.writer.remove(execution, row);
    return SQLITE_OK;
  }
  std::vector<SqlValue> given(table.table->visible().size());
  std::vector<bool> changed(given.size(), true);
  for (std::size_t i = 0; i < given.size(); ++i) {
    changed[i] = inserts || sqlite3_value_nochange(values[i + 2]) == 0;
    if (changed[i]) given[i] = value_of(values[i + 2]);
  }
  const SqlValue id = value_of(values[1]);
  const bool has_id =
      inserts ? !id.is_null() : id.kind != SqlValue::Kind::integer || id.integer != row.id();
  if (has_id && !take_rowid(*table.table, execution, id, given, changed)) return stop();
  const OnConflict conflict = on_conflict(table.handle.get());
  Status status = inserts ? table.writer.insert(execution, given, conflict)
                          : table.writer.update(execution, row, given, changed, conflict);
  return status ? SQLITE_OK : fail(std::move(status).error());
}

int begin_transaction(sqlite3_vtab* /*table*/) { return SQLITE_OK; }

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
    .xBegin = begin_transaction,
};

// Times as text, in the order of what they say. What is none stands between them by its bytes, as
// the text that shows a time does: else the order would be none.
int compare_times(void* /*nothing*/, int a_size, const void* a_bytes, int b_size,
                  const void* b_bytes) {
  const std::string_view a(static_cast<const char*>(a_bytes), static_cast<std::size_t>(a_size));
  const std::string_view b(static_cast<const char*>(b_bytes), static_cast<std::size_t>(b_size));
  const auto a_time = parse_timestamp(a), b_time = parse_timestamp(b);
  if (a_time && b_time) return *a_time < *b_time ? -1 : *a_time > *b_time ? 1 : 0;
  std::string a_kept, b_kept;
  const auto shown = [](std::string_view text, std::optional<std::int64_t> time,
                        std::string& kept) -> std::string_view {
    if (!time) return text;
    append_timestamp(kept, *time);
    return kept;
  };
  return shown(a, a_time, a_kept).compare(shown(b, b_time, b_kept));
}

}  // namespace

engine::IndexPointer whole_index(engine::Engine& engine, const TypedTable& table,
                                 const engine::TableIndex& wanted) {
  engine::Partition& partition = engine.partition(0);
  MutexLock lock(partition.mutex());
  for (engine::IndexPointer& index : partition.collections(engine::kRows).indexes(table.prefix()))
    if (is_of(index->definition(), wanted) && index->complete()) return std::move(index);
  return nullptr;
}

std::string declared_columns(const TypedTable& table, std::string_view prefix,
                             std::string_view type_prefix) {
  std::string sql;
  for (const std::uint32_t place : table.visible()) {
    const engine::Column& column = table.schema().columns[place];
    if (!sql.empty()) sql += ", ";
    sql += quoted_name(std::string(prefix) + column.name);
    sql += ' ';
    sql += type_prefix;
    sql += declared_type(column);
  }
  return sql;
}

void show_column(sqlite3_context* context, const TypedTable& table, const engine::RowView& row,
                 std::uint32_t place, std::string& kept) {
  const SqlValue stored = table.column(row, place);
  const ColumnType type = table.schema().columns[place].type;
  if (type == ColumnType::timestamp)
    set_result(context, shown_value(type, stored, kept), SQLITE_TRANSIENT);
  else
    set_result(context, stored, SQLITE_STATIC);
}

void register_typed_tables(SqliteHandle& handle) {
  sqlite3_create_collation(handle.get(), kTimeCollation, SQLITE_UTF8, nullptr, compare_times);
  sqlite3_create_module(handle.get(), "typed_table", &kModule, &handle);
}

}  // namespace kimdb::database::sql
