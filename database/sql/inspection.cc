#include "database/sql/inspection.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/mutex.h"

namespace kimdb::database::sql {

using engine::SqlValue;
using engine::TableSchema;

namespace {

constexpr std::initializer_list<const char*> kDescription = {"column", "type", "null", "key",
                                                             "default"};

Answer rows_of(std::initializer_list<const char*> columns) {
  Answer answer{.kind = Answer::Kind::rows, .rows = {}};
  for (const char* column : columns) answer.rows.add_column({column});
  return answer;
}

void add_row(Answer& answer, std::initializer_list<SqlValue> values) {
  for (const SqlValue& value : values) answer.rows.add(value);
  answer.rows.end_row();
}

// What a column's place in keys is.
std::string key_of(const TableSchema& schema, std::uint32_t place) {
  const auto has = [&](const std::vector<std::uint32_t>& places) {
    return std::find(places.begin(), places.end(), place) != places.end();
  };
  if (has(schema.primary_key)) return schema.auto_increment ? "PRIMARY AUTO_INCREMENT" : "PRIMARY";
  for (const engine::ForeignKey& key : schema.foreign_keys)
    if (has(key.columns)) {
      std::string words = "REFERENCES " + key.table;
      for (const auto& [when, action] :
           {std::pair("DELETE", key.on_delete), std::pair("UPDATE", key.on_update)})
        if (action != engine::ForeignKey::Action::none)
          words += std::string(" ON ") + when + " " + std::string(engine::action_name(action));
      return words;
    }
  for (const engine::TableIndex& index : schema.indexes)
    if (index.columns.front() == place) return index.unique ? "UNIQUE" : "INDEX";
  return {};
}

}  // namespace

TableSize size_of(engine::Engine& engine, const TypedTable& table) {
  TableSize size;
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    engine::Partition& partition = engine.partition(i);
    MutexLock lock(partition.mutex());
    const engine::Collection* rows = partition.collections(engine::kRows).find(table.prefix());
    if (rows == nullptr) continue;
    size.rows += rows->entries().size();
    size.bytes += rows->bytes();
  }
  return size;
}

Answer show_tables(engine::Engine& engine, const CatalogState& catalog) {
  Answer answer = rows_of({"table", "rows", "bytes"});
  for (const auto& [name, table] : catalog.tables) {
    const TableSize size = size_of(engine, *table);
    add_row(answer, {SqlValue::text(table->schema().name),
                     SqlValue::of(static_cast<std::int64_t>(size.rows)),
                     SqlValue::of(static_cast<std::int64_t>(size.bytes))});
  }
  return answer;
}

Answer show_status(std::string_view info) {
  Answer answer = rows_of({"name", "value"});
  while (!info.empty()) {
    std::string_view line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(line.size() + 1, info.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos) continue;
    add_row(answer,
            {SqlValue::text(line.substr(0, colon)), SqlValue::text(line.substr(colon + 1))});
  }
  return answer;
}

Answer describe(const std::vector<SourceColumn>& columns) {
  Answer answer = rows_of(kDescription);
  for (const SourceColumn& column : columns) {
    // Not the "TEXT" behind a type that SQLite does not know.
    const std::string_view type = std::string_view(column.type).substr(0, column.type.find(' '));
    add_row(answer, {SqlValue::text(column.name), SqlValue::text(type), SqlValue::text("YES"),
                     SqlValue(), SqlValue()});
  }
  return answer;
}

Answer describe(const TypedTable& table) {
  Answer answer = rows_of(kDescription);
  const TableSchema& schema = table.schema();
  for (std::uint32_t place = 0; place < schema.columns.size(); ++place) {
    const engine::Column& column = schema.columns[place];
    if (column.dropped) continue;
    const std::string type = engine::full_type_name(column);
    const std::string key = key_of(schema, place);
    add_row(answer, {SqlValue::text(column.name), SqlValue::text(type),
                     SqlValue::text(column.not_null ? "NO" : "YES"),
                     key.empty() ? SqlValue() : SqlValue::text(key),
                     column.default_sql.empty() ? SqlValue() : SqlValue::text(column.default_sql)});
  }
  return answer;
}

Answer show_indexes(const CatalogState& catalog, const TypedTable* of) {
  Answer answer = rows_of({"table", "index", "columns", "unique", "kind"});
  for (const auto& [name, table] : catalog.tables) {
    if (of != nullptr && of != table.get()) continue;
    const TableSchema& schema = table->schema();
    for (const engine::TableIndex& index : schema.indexes) {
      std::string columns;
      for (std::size_t i = 0; i < index.columns.size(); ++i)
        columns += (i == 0 ? "" : ", ") + schema.columns[index.columns[i]].name +
                   (index.descending[i] ? " DESC" : "");
      add_row(answer, {SqlValue::text(schema.name), SqlValue::text(index.name),
                       SqlValue::text(columns), SqlValue::text(index.unique ? "YES" : "NO"),
                       SqlValue::text(index.hash ? "hash" : "ordered")});
    }
  }
  return answer;
}

std::string_view plan_words(std::string_view description) {
  return description.substr(0, description.find(kEndOfPlanWords));
}

std::string_view path_in_words(std::string_view words) {
  return words.substr(0, words.rfind(", about "));
}

std::string plan_step(std::string_view detail) {
  constexpr std::string_view kVirtual = " VIRTUAL TABLE INDEX ";
  const std::size_t at = detail.find(kVirtual);
  const std::size_t colon = at == std::string_view::npos ? at : detail.find(':', at);
  if (colon == std::string_view::npos) return std::string(detail);
  const std::string_view words = plan_words(detail.substr(colon + 1));
  return std::string(words.empty() ? detail.substr(0, at) : words);  // none of SQLite's own tables
}

}  // namespace kimdb::database::sql
