#include "database/sql/row_writer.h"

#include <algorithm>
#include <utility>

#include "database/sql/column_value.h"
#include "database/sql/constraints.h"
#include "database/sql/foreign_actions.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/statement_memory.h"

namespace kimdb::database::sql {

using engine::SqlValue;
using engine::TableSchema;

std::string columns_in_words(const TableSchema& schema, const std::vector<std::uint32_t>& places,
                             const std::vector<SqlValue>& values) {
  std::string words, kept;
  for (const std::uint32_t place : places) {
    if (!words.empty()) words += ", ";
    words += schema.columns[place].name + " = " +
             in_words(shown_value(schema.columns[place].type, values[place], kept));
  }
  return words;
}

RowWriter::RowWriter(SqliteHandle& handle, TypedTablePointer table, RowNumbers& numbers)
    : handle_(handle),
      table_(std::move(table)),
      has_actions_(has_actions(*handle.catalog(), *table_)),
      keys_(keys_of(*table_)),
      has_number_(table_->schema().primary_key.empty() || table_->rowid_column()),
      expressions_(handle.get(), table_),
      numbers_(numbers) {}

Result<bool> RowWriter::broken(Execution& execution, OnConflict on_conflict, Error error) {
  if (on_conflict == OnConflict::ignore) return false;
  execution.broken = on_conflict;
  return error;
}

void RowWriter::begin_row() {
  const std::size_t columns = table_->schema().columns.size();
  values_.assign(columns, {});
  kept_.resize(columns);
}

Status RowWriter::take(std::uint32_t place, const SqlValue& given) {
  auto stored = stored_value(table_->schema().columns[place], given, kept_[place]);
  if (!stored) return std::move(stored).error();
  values_[place] = *stored;
  return {};
}

// What a row must be, whatever stands in other rows.
Result<bool> RowWriter::check_row(Execution& execution, OnConflict on_conflict) {
  const TableSchema& schema = table_->schema();
  for (const std::uint32_t place : table_->visible()) {
    if (!schema.columns[place].not_null || !values_[place].is_null()) continue;
    if (on_conflict == OnConflict::replace) {
      const auto by_default = expressions_.default_of(place);
      if (!by_default) return by_default.error();
      KIMDB_RETURN_IF_ERROR(take(place, *by_default));
      if (!values_[place].is_null()) continue;
    }
    return broken(
        execution, on_conflict,
        {ErrorCode::invalid_argument, "column " + schema.columns[place].name + " of table " +
                                          schema.name + " must not be NULL"});
  }
  if (schema.checks.empty()) return true;
  std::vector<SqlValue> shown(values_.size());
  kept_for_checks_.resize(values_.size());
  for (std::size_t place = 0; place < values_.size(); ++place)
    shown[place] = shown_value(schema.columns[place].type, values_[place], kept_for_checks_[place]);
  Status status = expressions_.check(shown);
  if (!status) return broken(execution, on_conflict, std::move(status).error());
  return true;
}

Result<std::string> RowWriter::key_of_new() {
  const TableSchema& schema = table_->schema();
  if (schema.primary_key.empty()) {
    const auto number = numbers_.next(*table_);
    if (!number) return number.error();
    number_ = *number;
    return table_->key_of(*number);
  }
  if (schema.auto_increment) {
    SqlValue& value = values_[schema.primary_key[0]];
    if (value.is_null()) {
      const auto number = numbers_.next(*table_);
      if (!number) return number.error();
      KIMDB_RETURN_IF_ERROR(take(schema.primary_key[0], SqlValue::of(*number)));
    } else {
      KIMDB_RETURN_IF_ERROR(numbers_.raise(*table_, value.integer));
    }
  }
  return table_->key_of(values_);
}

// --- INSERT ---

Status RowWriter::insert(Execution& execution, const std::vector<SqlValue>& given,
                         OnConflict on_conflict) {
  execution.on_conflict = on_conflict;
  begin_row();
  std::size_t next = 0;
  for (const std::uint32_t place : table_->visible()) {
    SqlValue value = given[next];
    const bool is_named = execution.named == nullptr || (*execution.named)[next];
    ++next;
    if (!is_named) {
      auto by_default = expressions_.default_of(place);
      if (!by_default) return std::move(by_default).error();
      value = *by_default;
    }
    KIMDB_RETURN_IF_ERROR(take(place, value));
  }
  // A key that is NULL is made, or, by OR REPLACE, its default.
  const TableSchema& schema = table_->schema();
  auto key = key_of_new();
  if (!key) return std::move(key).error();
  const auto holds = check_row(execution, on_conflict);
  if (!holds) return holds.error();
  if (!*holds) return {};
  if (on_conflict == OnConflict::replace && !schema.primary_key.empty())
    key = table_->key_of(values_);
  if (has_number_ && !schema.primary_key.empty()) number_ = values_[schema.primary_key[0]].integer;

  std::string row = engine::encode_row(table_->layout(), values_);
  const bool together =
      (on_conflict == OnConflict::refuse || on_conflict == OnConflict::rollback) &&
      execution.upsert == nullptr;
  if (!together) {
    const std::int64_t number = number_;
    const auto done = insert_alone(execution, *key, std::move(row), on_conflict);
    if (!done) return done.error();
    if (*done && has_number_) execution.last_number = number;
    return {};
  }
  Lsn replaces = 0;
  const auto is_free = check_primary_key(execution, *key, replaces, on_conflict);
  if (!is_free) return is_free.error();
  if (has_number_) execution.last_number = number_;
  ++execution.rows_changed;
  if (execution.returns) note_returned(execution, *key, row);
  return put(execution, *key, replaces, std::move(row));
}

Result<bool> RowWriter::check_primary_key(Execution& execution, std::string_view key, Lsn& replaces,
                                          OnConflict on_conflict) {
  bool taken = false;
  if (const WriteSet::Change* change = execution.changes.find(key)) {
    taken = change->row.has_value();
  } else if (execution.trusts_keys) {
    taken = false;
  } else if (const auto version = execution.version_of(key)) {
    taken = true;
    replaces = *version;
  }
  return taken ? broken(execution, on_conflict, duplicate(0)) : true;
}

Error RowWriter::duplicate(std::size_t key_number) const {
  const TableSchema& schema = table_->schema();
  if (key_number == 0)
    return {ErrorCode::already_exists, "duplicate primary key in table " + schema.name + ": " +
                                           columns_in_words(schema, schema.primary_key, values_)};
  auto index = schema.indexes.begin();
  for (std::size_t unique = 0; !index->unique || ++unique < key_number;) ++index;
  return duplicate_in(schema, *index, values_);
}

Result<std::string> RowWriter::holder_of(Execution& execution, const Upsert::Key& key,
                                         const std::string& row_key, std::string_view except,
                                         const std::vector<std::string>& unique_keys) const {
  if (key.number == 0) {
    if (row_key == except) return std::string();
    const WriteSet::Change* change = execution.changes.find(row_key);
    const bool is_there =
        change != nullptr ? change->row.has_value() : execution.version_of(row_key).has_value();
    return is_there ? row_key : std::string();
  }
  const std::string& unique_key = unique_keys[key.number - 1];
  if (unique_key.empty()) return std::string();
  return Constraints(execution.engine, execution.catalog, execution.changes, execution.before,
                     false, execution.reads)
      .holder_of(*table_, key.number - 1, unique_key, except);
}

Result<bool> RowWriter::insert_alone(Execution& execution, const std::string& key, std::string row,
                                     OnConflict on_conflict) {
  const std::vector<std::string> unique_keys =
      table_->has_unique() ? table_->unique_keys(row) : std::vector<std::string>();
  for (const Upsert::Key& each : execution.upsert == nullptr ? keys_ : execution.upsert->keys()) {
    const auto holder = holder_of(execution, each, key, "", unique_keys);
    if (!holder) return holder.error();
    if (holder->empty()) continue;
    if (each.clause) return update_instead(execution, *each.clause, *holder, row);
    if (on_conflict != OnConflict::replace)
      return broken(execution, on_conflict, duplicate(each.number));
    KIMDB_RETURN_IF_ERROR(remove_for_another(execution, *holder));
  }
  ++execution.rows_changed;
  if (execution.returns) note_returned(execution, key, row);
  KIMDB_RETURN_IF_ERROR(put(execution, key, execution.version_of(key).value_or(0), std::move(row)));
  KIMDB_RETURN_IF_ERROR(settle(handle_, execution));
  return true;
}

Status RowWriter::remove_for_another(Execution& execution, const std::string& key) {
  const FoundRow row = execution.find_now(key);
  if (row.id() == 0) return execution.lost_to_others();
  note_parent(execution, row.bytes(), std::nullopt);
  execution.changes.remove(table_, std::string(row.key()), row.lsn());
  return settle(handle_, execution);
}

Result<bool> RowWriter::update_instead(Execution& execution, std::size_t clause,
                                       const std::string& holder, const std::string& excluded) {
  const Upsert& upsert = *execution.upsert;
  if (upsert.does_nothing(clause)) return false;
  const FoundRow row = execution.find_now(holder);
  if (row.id() == 0) return execution.lost_to_others().error();
  const auto made = upsert.update(clause, row.bytes(), excluded, execution);
  if (!made) return made.error();
  if (*made == nullptr) return false;
  const auto updated =
      update_alone(execution, row, (*made)->given, (*made)->changed, OnConflict::refuse);
  if (!updated) return updated.error();
  return false;  // nothing was inserted
}

// --- UPDATE ---

Status RowWriter::take_update(const FoundRow& row, const std::vector<SqlValue>& given,
                              const std::vector<bool>& changed) {
  begin_row();
  const engine::RowView before(table_->layout(), row.bytes());
  std::size_t next = 0;
  for (const std::uint32_t place : table_->visible()) {
    if (changed[next])
      KIMDB_RETURN_IF_ERROR(take(place, given[next]));
    else
      values_[place] = table_->column(before, place);
    ++next;
  }
  return {};
}

Status RowWriter::update(Execution& execution, const FoundRow& row,
                         const std::vector<SqlValue>& given, const std::vector<bool>& changed,
                         OnConflict on_conflict) {
  if (on_conflict == OnConflict::refuse || on_conflict == OnConflict::rollback) {
    execution.on_conflict = on_conflict;
    return update_together(execution, row, given, changed, on_conflict, false);
  }
  Execution::Update& update = execution.updates.emplace_back();
  update.table = table_;
  update.row = row;
  update.changed = changed;
  update.on_conflict = on_conflict;
  std::size_t bytes = sizeof update;
  for (const SqlValue& value : given) {
    update.given.push_back(kept_value(value, update.kept));
    bytes += sizeof value + value.bytes.size();
  }
  if (execution.memory != nullptr && !execution.memory->take(bytes)) return too_many_rows();
  return {};
}

Status RowWriter::run(Execution& execution, const Execution::Update& update) {
  // A row that had to give way to another one is gone.
  const FoundRow row = execution.find_now(update.row.key());
  if (row.id() == 0) return {};
  const auto done = update_alone(execution, row, update.given, update.changed, update.on_conflict);
  return done ? Status() : Status(done.error());
}

Result<bool> RowWriter::update_alone(Execution& execution, const FoundRow& row,
                                     const std::vector<SqlValue>& given,
                                     const std::vector<bool>& changed, OnConflict on_conflict) {
  KIMDB_RETURN_IF_ERROR(take_update(row, given, changed));
  const auto holds = check_row(execution, on_conflict);
  if (!holds || !*holds) return holds;
  const TableSchema& schema = table_->schema();
  const std::string before(row.bytes()), from(row.key());
  const Lsn lsn = row.lsn();
  std::string encoded = engine::encode_row(table_->layout(), values_);
  const std::string key = schema.primary_key.empty() ? from : table_->key_of(values_);
  const std::vector<std::string> unique_keys =
      table_->has_unique() ? table_->unique_keys(encoded) : std::vector<std::string>();
  if (schema.auto_increment && key != from)
    KIMDB_RETURN_IF_ERROR(numbers_.raise(*table_, values_[schema.primary_key[0]].integer));
  for (const Upsert::Key& each : keys_) {
    const auto holder = holder_of(execution, each, key, from, unique_keys);
    if (!holder) return holder.error();
    if (holder->empty()) continue;
    if (on_conflict != OnConflict::replace)
      return broken(execution, on_conflict, duplicate(each.number));
    KIMDB_RETURN_IF_ERROR(remove_for_another(execution, *holder));
    // It may have referred to that one, and is gone as well.
    if (execution.find_now(from).id() == 0) return false;
  }
  ++execution.rows_changed;
  if (execution.returns) note_returned(execution, key, encoded);
  note_parent(execution, before, encoded);
  if (key == from) {
    KIMDB_RETURN_IF_ERROR(put(execution, key, lsn, std::move(encoded)));
  } else {
    execution.changes.remove(table_, from, lsn);
    KIMDB_RETURN_IF_ERROR(
        put(execution, key, execution.version_of(key).value_or(0), std::move(encoded)));
  }
  KIMDB_RETURN_IF_ERROR(settle(handle_, execution));
  return true;
}

Status RowWriter::update_together(Execution& execution, const FoundRow& row,
                                  const std::vector<SqlValue>& given,
                                  const std::vector<bool>& changed, OnConflict on_conflict,
                                  bool follows) {
  const TableSchema& schema = table_->schema();
  KIMDB_RETURN_IF_ERROR(take_update(row, given, changed));
  const auto holds = check_row(execution, on_conflict);
  if (!holds) return holds.error();
  std::string encoded = engine::encode_row(table_->layout(), values_);
  const std::string key =
      schema.primary_key.empty() ? std::string(row.key()) : table_->key_of(values_);
  // UPDATE … FROM gives a row once for each row that it is joined with: the last one counts.
  const bool again = !follows && execution.changes.find(row.key()) != nullptr;
  if (again) {
    std::erase_if(execution.moved,
                  [&](const Execution::Moved& moved) { return moved.from == row.key(); });
    std::erase_if(execution.parent_changes, [&](const Execution::ParentChange& change) {
      return change.before == row.bytes();
    });
    std::erase_if(execution.returned,
                  [&](const Execution::Returned& each) { return each.key == row.key(); });
  } else {
    ++(follows ? execution.rows_followed : execution.rows_changed);
  }
  if (!follows && execution.returns) note_returned(execution, row.key(), encoded);
  note_parent(execution, row.bytes(), encoded);
  if (key == row.key()) return put(execution, key, row.lsn(), std::move(encoded));
  if (schema.auto_increment)
    KIMDB_RETURN_IF_ERROR(numbers_.raise(*table_, values_[schema.primary_key[0]].integer));
  const std::string from(row.key());
  execution.changes.remove(table_, from, row.lsn());
  execution.moved.push_back({table_, from, key, std::move(encoded)});
  return {};
}

// --- both, and DELETE ---

void RowWriter::remove(Execution& execution, const FoundRow& row) {
  ++execution.rows_changed;
  if (execution.returns) note_returned(execution, row.key(), row.bytes());
  note_parent(execution, row.bytes(), std::nullopt);
  execution.changes.remove(table_, row.key(), row.lsn());
}

Status RowWriter::follow(Execution& execution, const FoundRow& row,
                         const std::vector<SqlValue>& given, const std::vector<bool>& changed) {
  return update_together(execution, row, given, changed, OnConflict::refuse, true);
}

void RowWriter::remove_following(Execution& execution, const FoundRow& row) {
  ++execution.rows_followed;
  note_parent(execution, row.bytes(), std::nullopt);
  execution.changes.remove(table_, row.key(), row.lsn());
}

Error RowWriter::too_many_rows() {
  return {ErrorCode::too_large, "the statement changes more rows than sql.max_memory has room for"};
}

Status RowWriter::put(Execution& execution, std::string_view key, Lsn replaces, std::string row) {
  if (execution.memory != nullptr && !execution.memory->take(key.size() + row.size()))
    return too_many_rows();
  execution.changes.put(table_, key, replaces, std::move(row));
  return {};
}

void RowWriter::note_parent(Execution& execution, std::string_view before,
                            std::optional<std::string> after) {
  if (has_actions_)
    execution.parent_changes.push_back({table_, std::string(before), std::move(after)});
}

void RowWriter::note_returned(Execution& execution, std::string_view key, std::string_view row) {
  execution.returned.push_back({std::string(key), std::string(row)});
}

}  // namespace kimdb::database::sql
