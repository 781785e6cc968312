#include "database/sql/row_writer.h"

#include "database/sql/column_value.h"
#include "database/sql/constraints.h"
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
Status RowWriter::check_row() {
  const TableSchema& schema = table_->schema();
  for (const std::uint32_t place : table_->visible())
    if (schema.columns[place].not_null && values_[place].is_null())
      return Error{ErrorCode::invalid_argument, "column " + schema.columns[place].name +
                                                    " of table " + schema.name +
                                                    " must not be NULL"};
  if (schema.checks.empty()) return {};
  std::vector<SqlValue> shown(values_.size());
  kept_for_checks_.resize(values_.size());
  for (std::size_t place = 0; place < values_.size(); ++place)
    shown[place] = shown_value(schema.columns[place].type, values_[place], kept_for_checks_[place]);
  return expressions_.check(shown);
}

Result<std::string> RowWriter::key_of_new(Execution& execution) {
  const TableSchema& schema = table_->schema();
  if (schema.primary_key.empty()) {
    const auto number = numbers_.next(*table_);
    if (!number) return number.error();
    return table_->key_of(*number);
  }
  if (schema.auto_increment) {
    SqlValue& value = values_[schema.primary_key[0]];
    if (value.is_null()) {
      const auto number = numbers_.next(*table_);
      if (!number) return number.error();
      KIMDB_RETURN_IF_ERROR(take(schema.primary_key[0], SqlValue::of(*number)));
      execution.last_number = *number;
    } else {
      KIMDB_RETURN_IF_ERROR(numbers_.raise(*table_, value.integer));
    }
  }
  return table_->key_of(values_);
}

Status RowWriter::insert(Execution& execution, const std::vector<SqlValue>& given,
                         OnConflict on_conflict) {
  const TableSchema& schema = table_->schema();
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
  const auto key = key_of_new(execution);
  if (!key) return key.error();
  KIMDB_RETURN_IF_ERROR(check_row());

  Lsn replaces = 0;
  bool taken = false;
  if (const WriteSet::Change* change = execution.changes.find(*key)) {
    taken = change->row.has_value();
  } else if (execution.trusts_keys && on_conflict == OnConflict::refuse) {
    taken = false;
  } else if (const auto version = execution.version_of(*key)) {
    taken = true;
    replaces = *version;
  }
  if (taken && on_conflict != OnConflict::replace)
    return Error{ErrorCode::already_exists,
                 "duplicate primary key in table " + schema.name + ": " +
                     columns_in_words(schema, schema.primary_key, values_)};
  std::string row = engine::encode_row(table_->layout(), values_);
  if (on_conflict != OnConflict::refuse && table_->has_unique())
    KIMDB_RETURN_IF_ERROR(make_way(execution, *key, row, on_conflict));
  return put(execution, *key, replaces, std::move(row));
}

Status RowWriter::put(Execution& execution, std::string_view key, Lsn replaces, std::string row) {
  if (execution.memory != nullptr && !execution.memory->take(key.size() + row.size()))
    return Error{ErrorCode::too_large,
                 "the statement changes more rows than sql.max_memory has room for"};
  execution.changes.put(table_, key, replaces, std::move(row));
  return {};
}

// INSERT OR …: what to do about rows that hold the row's unique keys.
Status RowWriter::make_way(Execution& execution, const std::string& key, const std::string& row,
                           OnConflict on_conflict) {
  const Constraints constraints(execution.engine, execution.catalog, execution.changes,
                                execution.before, false);
  const WriteSet::Change change{table_, 0, row, table_->unique_keys(row)};
  for (;;) {
    const auto holder = constraints.holder_of_unique(key, change);
    if (!holder) return holder.error();
    if (holder->empty()) return {};
    if (on_conflict == OnConflict::ignore)
      return Error{ErrorCode::already_exists, "a unique key is taken"};
    execution.changes.remove(table_, *holder, execution.version_of(*holder).value_or(0));
  }
}

Status RowWriter::update(Execution& execution, const FoundRow& row,
                         const std::vector<SqlValue>& given, const std::vector<bool>& changed) {
  const TableSchema& schema = table_->schema();
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
  KIMDB_RETURN_IF_ERROR(check_row());
  if (execution.changes.find(row.key()) != nullptr) {
    ++execution.changed_again;
    std::erase_if(execution.moved,
                  [&](const Execution::Moved& moved) { return moved.from == row.key(); });
  }
  std::string encoded = engine::encode_row(table_->layout(), values_);
  const std::string key =
      schema.primary_key.empty() ? std::string(row.key()) : table_->key_of(values_);
  if (key == row.key()) return put(execution, key, row.lsn(), std::move(encoded));
  if (schema.auto_increment)
    KIMDB_RETURN_IF_ERROR(numbers_.raise(*table_, values_[schema.primary_key[0]].integer));
  execution.changes.remove(table_, row.key(), row.lsn());
  execution.moved.push_back({table_, std::string(row.key()), key, std::move(encoded)});
  return {};
}

}  // namespace kimdb::database::sql
