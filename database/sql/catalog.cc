#include "database/sql/catalog.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/edit_distance.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

// What a literal of SQL says: NULL, a number, 'text' or x'blob'. Text and bytes go into `kept`.
SqlValue value_of_literal(std::string_view sql, std::string& kept) {
  if (sql.starts_with('\'')) {
    for (std::size_t i = 1; i + 1 < sql.size(); ++i) {
      kept += sql[i];
      if (sql[i] == '\'') ++i;
    }
    return SqlValue::text(kept);
  }
  if (sql.starts_with('x') || sql.starts_with('X')) {
    for (std::size_t i = 2; i + 2 < sql.size(); i += 2)
      kept += static_cast<char>(hex_digit(sql[i]) << 4 | hex_digit(sql[i + 1]));
    return SqlValue::blob(kept);
  }
  const char* const end = sql.data() + sql.size();
  std::int64_t integer = 0;
  if (const auto read = std::from_chars(sql.data(), end, integer);
      read.ec == std::errc() && read.ptr == end)
    return SqlValue::of(integer);
  double real = 0;
  if (const auto read = std::from_chars(sql.data(), end, real);
      read.ec == std::errc() && read.ptr == end)
    return SqlValue::of(real);
  return {};
}

}  // namespace

TypedTable::TypedTable(engine::TableSchema schema, Lsn lsn)
    : schema_(std::move(schema)),
      lsn_(lsn),
      prefix_(engine::row_prefix(schema_.number)),
      layout_(schema_.columns),
      missing_(schema_.columns.size()) {
  for (std::size_t i = 0; i < missing_.size(); ++i) {
    SqlValue& value = missing_[i].value;
    value = value_of_literal(schema_.columns[i].missing_sql, missing_[i].text);
    // 0.1.0 wrote 7 for 7.0.
    if (schema_.columns[i].type == engine::ColumnType::real &&
        value.kind == SqlValue::Kind::integer)
      value = SqlValue::of(static_cast<double>(value.integer));
  }
  for (const engine::TableIndex& index : schema_.indexes) has_unique_ = has_unique_ || index.unique;
  for (std::uint32_t place = 0; place < schema_.columns.size(); ++place)
    if (!schema_.columns[place].dropped) visible_.push_back(place);
}

std::optional<std::size_t> TypedTable::visible_column(std::string_view name) const {
  if (const auto place = schema_.find_column(name))
    return static_cast<std::size_t>(std::lower_bound(visible_.begin(), visible_.end(), *place) -
                                    visible_.begin());
  for (const std::string_view rowid : {"rowid", "_rowid_", "oid"})
    if (equals_ignoring_case(name, rowid)) return rowid_column();
  return std::nullopt;
}

std::optional<std::size_t> TypedTable::rowid_column() const {
  if (schema_.primary_key.size() != 1) return std::nullopt;
  const engine::Column& key = schema_.columns[schema_.primary_key[0]];
  const bool is_whole =
      key.type == engine::ColumnType::integer || key.type == engine::ColumnType::bigint;
  return is_whole ? visible_column(key.name) : std::nullopt;
}

std::vector<bool> TypedTable::named(const std::vector<std::string>& names) const {
  std::vector<bool> named(visible_.size());
  for (const std::string& name : names)
    if (const auto column = visible_column(name)) named[*column] = true;
  return named;
}

std::vector<std::string> TypedTable::unique_keys(std::string_view bytes) const {
  std::vector<std::string> keys;
  const engine::RowView row(layout_, bytes);
  for (const engine::TableIndex& index : schema_.indexes) {
    if (!index.unique) continue;
    std::string& key = keys.emplace_back();
    for (std::size_t i = 0; i < index.columns.size(); ++i) {
      const SqlValue value = column(row, index.columns[i]);
      if (value.is_null()) {
        key.clear();
        break;
      }
      engine::append_row_key_part(key, value, index.descending[i]);
    }
    if (!key.empty()) key = engine::finish_index_key({.hash = index.hash}, std::move(key));
  }
  return keys;
}

std::string TypedTable::key_of(const std::vector<SqlValue>& values) const {
  std::string key = prefix_;
  for (const std::uint32_t place : schema_.primary_key)
    engine::append_row_key_part(key, values[place]);
  return key;
}

std::string TypedTable::key_of(std::int64_t number) const {
  std::string key = prefix_;
  engine::append_row_key_part(key, SqlValue::of(number));
  return key;
}

engine::IndexDefinition TypedTable::definition_of(const engine::TableIndex& index) const {
  engine::IndexDefinition definition;
  definition.keyspace = engine::kRows;
  definition.collection = prefix_;
  definition.name = index.name;
  definition.unique = index.unique;
  definition.hash = index.hash;
  definition.columns = index.columns;
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    if (i > 0) definition.fields += ',';
    if (index.descending[i]) definition.fields += '-';
    definition.fields += schema_.columns[index.columns[i]].name;
    definition.order.push_back({.path = {}, .descending = index.descending[i]});
  }
  // A table of its own: the index outlives this state of the catalog.
  const auto table = std::make_shared<const TypedTable>(schema_, lsn_);
  definition.row_keys = [table, index, hash = definition.hash](std::string_view bytes) {
    const engine::RowView row(table->layout(), bytes);
    std::string key;
    for (std::size_t i = 0; i < index.columns.size(); ++i) {
      const SqlValue value = table->column(row, index.columns[i]);
      // By hash only what is equal is found, and nothing is equal to null.
      if (hash && value.is_null()) return std::vector<std::string>();
      engine::append_row_key_part(key, value, index.descending[i]);
    }
    return std::vector<std::string>{engine::finish_index_key({.hash = hash}, std::move(key))};
  };
  return definition;
}

TypedTablePointer CatalogState::find(std::string_view table) const {
  const auto found = tables.find(lower_case(table));
  return found == tables.end() ? nullptr : found->second;
}

std::string CatalogState::unknown_table(std::string_view table) const {
  const std::string name = lower_case(table);
  NearestName nearest(name);
  for (const auto& [candidate, pointer] : tables) nearest.consider(candidate);
  return "unknown table: " + std::string(table) + did_you_mean(nearest);
}

std::string unknown_column(std::string_view column,
                           std::span<const engine::TableSchema* const> schemas) {
  const std::string name = lower_case(column);
  NearestName nearest(name);
  for (const engine::TableSchema* schema : schemas)
    for (const engine::Column& candidate : schema->columns)
      if (!candidate.dropped) nearest.consider(candidate.name, lower_case(candidate.name));
  return "unknown column: " + std::string(column) + did_you_mean(nearest);
}

CatalogPointer Catalog::current() {
  // Read before the schemas are: what changes meanwhile is read once more.
  const std::uint64_t version = engine_.catalog_changes();
  MutexLock lock(mutex_);
  if (state_ == nullptr || state_->version != version) state_ = read(version, state_.get());
  return state_;
}

CatalogPointer Catalog::read(std::uint64_t version, const CatalogState* before) const {
  auto state = std::make_shared<CatalogState>();
  state->version = version;
  engine_.for_each_entry(engine::kSchemas, [&](const engine::Entry& entry) {
    const TypedTablePointer known = before == nullptr ? nullptr : before->find(entry.key());
    if (known != nullptr && known->lsn() == entry.lsn()) {
      state->tables[std::string(entry.key())] = known;
    } else if (auto schema = engine::read_schema(entry.value())) {
      state->tables[std::string(entry.key())] =
          std::make_shared<TypedTable>(*std::move(schema), entry.lsn());
    }
  });
  for (const auto& [name, table] : state->tables)
    for (std::size_t i = 0; i < table->schema().foreign_keys.size(); ++i)
      state->references.emplace(engine::schema_key(table->schema().foreign_keys[i].table),
                                Reference{table, i});
  return state;
}

}  // namespace kimdb::database::sql
