#include "database/sql/upsert.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/tokenizer.h"

namespace kimdb::database::sql {

namespace {

Error refusal(std::string what) { return {ErrorCode::invalid_argument, std::move(what)}; }

// excluded.a, the column of a row that could not be inserted, as its name in the row source.
std::string with_names_of_excluded(std::string_view sql) {
  std::string out;
  std::size_t copied = 0;
  const auto behind = [&](const Token& token) {
    return next_token(sql, token.offset + token.text.size());
  };
  const auto is_name = [](const Token& token) {
    return token.kind == Token::Kind::word || token.kind == Token::Kind::quoted;
  };
  for (Token token = next_token(sql, 0); token.kind != Token::Kind::end; token = behind(token)) {
    if (!is_name(token) || !equals_ignoring_case(token.name(), "excluded")) continue;
    const Token point = behind(token);
    const Token column = behind(point);
    if (!point.is_symbol(".") || !is_name(column)) continue;
    out += sql.substr(copied, token.offset - copied);
    out += quoted_name("excluded." + column.name());
    copied = column.offset + column.text.size();
    token = column;
  }
  return out + std::string(sql.substr(copied));
}

// The places of a key's columns.
const std::vector<std::uint32_t>& columns_of(const engine::TableSchema& schema,
                                             std::size_t number) {
  if (number == 0) return schema.primary_key;
  auto index = schema.indexes.begin();
  for (std::size_t unique = 0;; ++index)
    if (index->unique && ++unique == number) return index->columns;
}

}  // namespace

std::vector<Upsert::Key> keys_of(const TypedTable& table) {
  std::vector<Upsert::Key> keys;
  const engine::TableSchema& schema = table.schema();
  if (!schema.primary_key.empty()) keys.push_back({.number = 0, .clause = {}});
  const auto unique = std::count_if(schema.indexes.begin(), schema.indexes.end(),
                                    [](const engine::TableIndex& index) { return index.unique; });
  // The last one that was made first, as in SQLite.
  for (auto number = static_cast<std::size_t>(unique); number > 0; --number)
    keys.push_back({.number = number, .clause = {}});
  return keys;
}

Result<Upsert> Upsert::prepare(SqliteHandle& handle, const Query& query,
                               const TypedTablePointer& table) {
  const engine::TableSchema& schema = table->schema();
  const std::string source = handle.row_source(table, true);
  Upsert made;
  made.handle_ = &handle;
  made.source_ = handle.row_source_named(source);
  std::vector<Key> left = keys_of(*table);
  for (std::size_t i = 0; i < query.conflict_clauses.size(); ++i) {
    const ConflictClause& clause = query.conflict_clauses[i];
    if (clause.columns.empty() && i + 1 < query.conflict_clauses.size())
      return refusal("only the last ON CONFLICT may name no columns");
    std::vector<std::uint32_t> places;
    for (const std::string& name : clause.columns) {
      const auto place = schema.find_column(name);
      if (!place) return refusal(unknown_column(name, std::array{&schema}));
      places.push_back(*place);
    }
    std::sort(places.begin(), places.end());
    bool found = clause.columns.empty();
    const auto is_meant = [&](const Key& key) {
      std::vector<std::uint32_t> columns = columns_of(schema, key.number);
      std::sort(columns.begin(), columns.end());
      return clause.columns.empty() || columns == places;
    };
    for (const Key& key : keys_of(*table)) found = found || is_meant(key);
    if (!found)
      return refusal("ON CONFLICT names no PRIMARY KEY and no UNIQUE columns of table " +
                     schema.name);
    for (auto key = left.begin(); key != left.end();) {
      const bool meant = is_meant(*key);
      if (meant) made.keys_.push_back({.number = key->number, .clause = i});
      key = meant ? left.erase(key) : key + 1;
    }
    if (clause.update.empty()) {
      made.updates_.emplace_back();
      continue;
    }
    auto compiled =
        handle.compile_own("UPDATE temp." + quoted_name(source) + " AS " +
                           quoted_name(query.alias.empty() ? schema.name : query.alias) + " " +
                           with_names_of_excluded(clause.update));
    if (!compiled) return std::move(compiled).error();
    made.updates_.push_back(std::move(*compiled));
  }
  made.keys_.insert(made.keys_.end(), left.begin(), left.end());
  return made;
}

std::size_t Upsert::parameters() const {
  int most = 0;
  for (const StatementPointer& update : updates_)
    if (update != nullptr) most = std::max(most, sqlite3_bind_parameter_count(update.get()));
  return static_cast<std::size_t>(most);
}

Result<const RowSource*> Upsert::update(std::size_t clause, std::string_view old,
                                        std::string_view excluded, Execution& execution) const {
  sqlite3_stmt* const statement = updates_[clause].get();
  for (std::size_t i = 0; i < execution.parameters.size(); ++i)
    bind_value(statement, static_cast<int>(i + 1), execution.parameters[i]);
  source_->rows = {old};
  source_->excluded = excluded;
  source_->updated = false;
  const SqliteHandle::OwnStatement own(*handle_);
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  source_->rows.clear();
  if (code != SQLITE_DONE) return refusal(sqlite3_errmsg(handle_->get()));
  return source_->updated ? source_ : nullptr;
}

}  // namespace kimdb::database::sql
