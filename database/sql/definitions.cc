#include "database/sql/definitions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "database/database.h"
#include "database/lock_set.h"
#include "database/sql/column_value.h"
#include "database/sql/constraints.h"
#include "database/sql/expressions.h"
#include "database/sql/tokenizer.h"

namespace kimdb::database::sql {

using engine::Column;
using engine::ForeignKey;
using engine::SqlValue;
using engine::TableIndex;
using engine::TableSchema;

namespace {

constexpr std::size_t kOrphansInARecord = 256;

Error refusal(std::string what) { return {ErrorCode::invalid_argument, std::move(what)}; }

Error unknown_column(std::string_view column, const TableSchema& schema) {
  return refusal(sql::unknown_column(column, std::array{&schema}));
}

// A value as SQL writes it.
std::string literal_of(const SqlValue& value) {
  constexpr char kDigits[] = "0123456789abcdef";
  switch (value.kind) {
    case SqlValue::Kind::null:
      return {};
    case SqlValue::Kind::text: {
      std::string sql = "'";
      for (const char c : value.bytes) sql += c == '\'' ? "''" : std::string(1, c);
      return sql + "'";
    }
    case SqlValue::Kind::blob: {
      std::string sql = "x'";
      for (const char c : value.bytes) {
        sql += kDigits[static_cast<unsigned char>(c) >> 4];
        sql += kDigits[c & 15];
      }
      return sql + "'";
    }
    case SqlValue::Kind::integer:
      return std::to_string(value.integer);
    case SqlValue::Kind::real: {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", value.real);
      std::string sql = text;
      // What looks like a whole number is read as one.
      if (sql.find_first_of(".en") == std::string::npos) sql += ".0";
      return sql;
    }
  }
  return {};
}

// An expression with another name in the place of a column's, or, before a point, of a table's.
enum class Renamed : std::uint8_t { column, table };
std::string renamed(std::string_view sql, Renamed what, std::string_view old_name,
                    std::string_view name) {
  std::string out;
  std::size_t end = 0;
  for (Token token = next_token(sql, 0);
       token.kind != Token::Kind::end && token.kind != Token::Kind::broken;
       token = next_token(sql, end)) {
    out += sql.substr(end, token.offset - end);
    end = token.offset + token.text.size();
    const bool is_name = token.kind == Token::Kind::word || token.kind == Token::Kind::quoted;
    const Token behind = next_token(sql, end);
    const bool is_meant = what == Renamed::table ? behind.is_symbol(".")
                                                 : !behind.is_symbol("(") && !behind.is_symbol(".");
    out += is_name && is_meant && equals_ignoring_case(token.name(), old_name)
               ? quoted_name(name)
               : std::string(token.text);
  }
  return out + std::string(sql.substr(end));
}

bool uses(const std::vector<std::uint32_t>& places, std::uint32_t place) {
  return std::find(places.begin(), places.end(), place) != places.end();
}

}  // namespace

// --- records ---

Result<Lsn> Definitions::write(const std::vector<Change>& changes) {
  engine::Engine& engine = database_.engine();
  std::vector<std::string> keys, values;
  keys.reserve(2 * changes.size());
  values.reserve(changes.size());
  std::vector<engine::Operation> operations;
  LockSet locks(engine);
  const auto add = [&](engine::OperationKind kind, std::uint8_t keyspace, std::string key,
                       std::string value, Lsn replaces) {
    keys.push_back(std::move(key));
    values.push_back(std::move(value));
    const std::uint64_t hash = engine.hash(keys.back());
    operations.push_back({.kind = kind,
                          .keyspace = keyspace,
                          .replaces = replaces,
                          .key = keys.back(),
                          .value = values.back(),
                          .hash = hash});
    locks.add(hash);
  };
  values.reserve(2 * changes.size());
  for (const auto& [before, after] : changes) {
    const Lsn replaces = before == nullptr ? 0 : before->lsn();
    if (after) {
      add(engine::OperationKind::put, engine::kSchemas, engine::schema_key(after->name),
          engine::encode_schema(*after), replaces);
    } else {
      const TableSchema& schema = before->schema();
      add(engine::OperationKind::remove, engine::kSchemas, engine::schema_key(schema.name), "",
          replaces);
    }
  }
  return database_.write_many(operations, locks, [&]() -> Result<bool> {
    for (const engine::Operation& operation : operations) {
      const engine::Entry* entry = engine.partition_of(operation.hash)
                                       .find(operation.keyspace, operation.key, operation.hash);
      if ((entry == nullptr ? 0 : entry->lsn()) != operation.replaces)
        return Error{ErrorCode::unavailable, "a table was changed meanwhile: try again"};
    }
    return true;
  });
}

Result<TypedTablePointer> Definitions::table(const std::string& name) const {
  TypedTablePointer found = catalog_->find(name);
  if (found == nullptr) return Error{ErrorCode::not_found, catalog_->unknown_table(name)};
  return found;
}

// --- tables ---

Status Definitions::check_new_table(const TableSchema& schema) const {
  const std::string name = lower_case(schema.name);
  if (name.starts_with("sqlite_") || name.starts_with("kimdb_") || name == "kv")
    return refusal("the name " + schema.name + " is taken by the system");
  if (catalog_->find(name) != nullptr)
    return Error{ErrorCode::already_exists, "table " + schema.name + " exists already"};
  return {};
}

Status Definitions::complete(TableSchema& schema, ForeignKey& key) const {
  const bool is_self = equals_ignoring_case(key.table, schema.name);
  const TypedTablePointer found = is_self ? nullptr : catalog_->find(key.table);
  if (!is_self && found == nullptr)
    return Error{ErrorCode::not_found, catalog_->unknown_table(key.table)};
  const TableSchema& parent = is_self ? schema : found->schema();
  key.table = parent.name;
  std::vector<std::uint32_t> places;
  for (const std::string& name : key.referenced) {
    const auto place = parent.find_column(name);
    if (!place) return unknown_column(name, parent);
    places.push_back(*place);
  }
  if (key.referenced.empty()) {
    places = parent.primary_key;
    for (const std::uint32_t place : places) key.referenced.push_back(parent.columns[place].name);
  }
  const bool is_unique =
      (!places.empty() && places == parent.primary_key) ||
      std::any_of(parent.indexes.begin(), parent.indexes.end(),
                  [&](const TableIndex& index) { return index.unique && index.columns == places; });
  if (!is_unique)
    return refusal(
        "a foreign key refers to a primary key, or the columns of a unique index, of table " +
        parent.name);
  if (places.size() != key.columns.size())
    return refusal("a foreign key has as many columns as it refers to");
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Column& from = schema.columns[key.columns[i]];
    const Column& to = parent.columns[places[i]];
    if (from.type != to.type)
      return refusal("column " + from.name + " is no " + std::string(type_name(to.type)) +
                     ", as column " + to.name + " of table " + parent.name + " is");
  }
  // Without it, whoever removes a row there would have to look at all rows here.
  if (index_for(schema, key) == nullptr) {
    std::string name = schema.name;
    for (const std::uint32_t place : key.columns) name += "_" + schema.columns[place].name;
    schema.indexes.push_back({.name = free_index_name(name, schema),
                              .columns = key.columns,
                              .descending = std::vector<bool>(key.columns.size(), false)});
  }
  return {};
}

Result<Lsn> Definitions::create_table(const CreateTable& statement) {
  MutexLock lock(mutex_);
  catalog_ = database_.catalog().current();
  TableSchema schema = statement.schema;
  if (statement.if_not_exists && catalog_->find(schema.name) != nullptr) return Lsn{0};
  KIMDB_RETURN_IF_ERROR(check_new_table(schema));
  for (std::size_t i = 0; i < schema.indexes.size(); ++i) {
    const std::string name = std::exchange(schema.indexes[i].name, {});
    schema.indexes[i].name = free_index_name(name, schema);
  }
  for (ForeignKey& key : schema.foreign_keys) KIMDB_RETURN_IF_ERROR(complete(schema, key));
  {
    const auto lease = handles_.lease();
    if (!lease) return lease.error();
    KIMDB_RETURN_IF_ERROR(check_expressions((*lease)->get(), schema));
  }
  const auto number = numbers_.next_table();
  if (!number) return number.error();
  schema.number = *number;
  std::vector<Change> changes{{nullptr, schema}};
  // Who changes their rows at this moment has to know.
  for (const ForeignKey& key : schema.foreign_keys) {
    const TypedTablePointer parent = catalog_->find(key.table);
    const bool is_new = parent != nullptr &&
                        std::none_of(changes.begin(), changes.end(),
                                     [&](const Change& change) { return change.before == parent; });
    if (is_new) changes.push_back({parent, parent->schema()});
  }
  auto lsn = write(changes);
  if (lsn) database_.indexes().keep_up();
  return lsn;
}

Result<Lsn> Definitions::drop_table(const DropTable& statement) {
  MutexLock lock(mutex_);
  catalog_ = database_.catalog().current();
  if (statement.if_exists && catalog_->find(statement.table) == nullptr) return Lsn{0};
  const auto found = table(statement.table);
  if (!found) return found.error();
  const auto [begin, end] =
      catalog_->references.equal_range(engine::schema_key((*found)->schema().name));
  for (auto reference = begin; reference != end; ++reference)
    if (reference->second.from != *found)
      return refusal("table " + reference->second.from->schema().name + " refers to table " +
                     (*found)->schema().name);
  auto lsn = write({{*found, std::nullopt}});
  if (!lsn) return lsn;
  numbers_.forget((*found)->schema().number);
  database_.indexes().keep_up();
  return lsn;
}

bool Definitions::remove_orphans() {
  engine::Engine& engine = database_.engine();
  const CatalogPointer catalog = database_.catalog().current();
  std::vector<std::string> prefixes;
  for (const auto& [name, each] : catalog->tables) prefixes.push_back(each->prefix());
  std::sort(prefixes.begin(), prefixes.end());
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    std::vector<std::string> keys;
    {
      MutexLock lock(engine.partition(i).mutex());
      engine.partition(i)
          .collections(engine::kRows)
          .for_each([&](std::string_view prefix, const engine::Collection& rows) {
            if (std::binary_search(prefixes.begin(), prefixes.end(), prefix)) return;
            for (auto row = rows.entries().begin();
                 row != rows.entries().end() && keys.size() < kOrphansInARecord;
                 row = rows.entries().next(row))
              keys.emplace_back(rows.entries()[row]->key());
          });
    }
    if (keys.empty()) continue;
    std::vector<engine::Operation> operations;
    LockSet locks(engine);
    for (const std::string& key : keys) {
      operations.push_back({.kind = engine::OperationKind::remove,
                            .keyspace = engine::kRows,
                            .key = key,
                            .hash = engine.hash(engine::kRows, key)});
      locks.add(operations.back().hash);
    }
    // Numbers of tables are given once: nobody adds rows there again. But a table may have been
    // made since the catalog was read.
    const auto removed = database_.write_many(operations, locks, [&]() -> Result<bool> {
      if (engine.catalog_changes() != catalog->version) return false;
      for (engine::Operation& operation : operations) {
        const engine::Entry* entry =
            engine.partition_of(operation.hash).find(engine::kRows, operation.key, operation.hash);
        if (entry == nullptr) return false;
        operation.replaces = entry->lsn();
      }
      return true;
    });
    return !removed.has_value();  // else there may be more
  }
  return true;
}

// --- indexes ---

bool Definitions::has_index(std::string_view name) const {
  for (const auto& [key, each] : catalog_->tables)
    for (const TableIndex& index : each->schema().indexes)
      if (equals_ignoring_case(index.name, name)) return true;
  return false;
}

std::string Definitions::free_index_name(const std::string& name, const TableSchema& schema) const {
  const auto taken = [&](const std::string& candidate) {
    return has_index(candidate) ||
           std::any_of(schema.indexes.begin(), schema.indexes.end(), [&](const TableIndex& index) {
             return equals_ignoring_case(index.name, candidate);
           });
  };
  std::string candidate = name;
  for (int i = 2; taken(candidate); ++i) candidate = name + "_" + std::to_string(i);
  return candidate;
}

Result<Lsn> Definitions::create_index(const CreateIndex& statement) {
  MutexLock lock(mutex_);
  catalog_ = database_.catalog().current();
  if (has_index(statement.name)) {
    if (statement.if_not_exists) return Lsn{0};
    return Error{ErrorCode::already_exists, "index " + statement.name + " exists already"};
  }
  const auto found = table(statement.table);
  if (!found) return found.error();
  TableSchema schema = (*found)->schema();
  TableIndex index{.name = statement.name,
                   .columns = {},
                   .descending = {},
                   .unique = statement.unique,
                   .hash = statement.hash};
  for (const IndexColumn& column : statement.columns) {
    const auto place = schema.find_column(column.name);
    if (!place) return unknown_column(column.name, schema);
    if (uses(index.columns, *place)) return refusal("column " + column.name + " is named twice");
    index.columns.push_back(*place);
    index.descending.push_back(column.descending);
  }
  schema.indexes.push_back(index);
  return database_.indexes().create((*found)->definition_of(index), [&] {
    return write({{*found, schema}});
  });
}

Result<Lsn> Definitions::drop_index(const DropIndex& statement) {
  MutexLock lock(mutex_);
  catalog_ = database_.catalog().current();
  for (const auto& [name, each] : catalog_->tables) {
    TableSchema schema = each->schema();
    const auto index = std::find_if(
        schema.indexes.begin(), schema.indexes.end(),
        [&](const TableIndex& one) { return equals_ignoring_case(one.name, statement.name); });
    if (index == schema.indexes.end()) continue;
    const auto [begin, end] = catalog_->references.equal_range(engine::schema_key(schema.name));
    for (auto reference = begin; index->unique && reference != end; ++reference) {
      const TableSchema& child = reference->second.from->schema();
      std::vector<std::uint32_t> places;
      for (const std::string& column : child.foreign_keys[reference->second.foreign_key].referenced)
        places.push_back(schema.find_column(column).value_or(0));
      if (places == index->columns)
        return refusal("table " + child.name + " refers to what index " + index->name +
                       " keeps unique");
    }
    const std::string dropped = index->name;
    schema.indexes.erase(index);
    for (const ForeignKey& key : schema.foreign_keys)
      if (index_for(schema, key) == nullptr)
        return refusal("a foreign key of table " + schema.name + " needs index " + dropped);
    auto lsn = write({{each, schema}});
    if (lsn) database_.indexes().keep_up();
    return lsn;
  }
  if (statement.if_exists) return Lsn{0};
  return Error{ErrorCode::not_found, "unknown index: " + statement.name};
}

// --- ALTER TABLE ---

Result<Lsn> Definitions::alter_table(const AlterTable& statement) {
  MutexLock lock(mutex_);
  catalog_ = database_.catalog().current();
  const auto before = table(statement.table);
  if (!before) return before.error();
  auto lsn = [&]() -> Result<Lsn> {
    switch (statement.kind) {
      case AlterTable::Kind::add_column:
        return add_column(*before, statement);
      case AlterTable::Kind::drop_column:
        return drop_column(*before, statement);
      case AlterTable::Kind::rename_column:
        return rename_column(*before, statement);
      case AlterTable::Kind::rename_table:
        return rename_table(*before, statement);
    }
    return Lsn{0};
  }();
  if (lsn) database_.indexes().keep_up();
  return lsn;
}

Result<Lsn> Definitions::add_column(const TypedTablePointer& before, const AlterTable& statement) {
  TableSchema schema = before->schema();
  Column column = statement.added;
  if (schema.find_column(column.name)) return refusal("duplicate column: " + column.name);
  if (schema.columns.size() == engine::kColumnsMax)
    return refusal("a table has at most " + std::to_string(engine::kColumnsMax) +
                   " columns, those that were dropped among them");
  const auto lease = handles_.lease();
  if (!lease) return lease.error();
  sqlite3* const handle = (*lease)->get();
  // What rows show that are there already: the default, as it is now.
  TableSchema alone;
  alone.name = schema.name;
  alone.columns = {column};
  alone.checks = statement.checks;
  KIMDB_RETURN_IF_ERROR(check_expressions(handle, alone));
  const auto single = std::make_shared<TypedTable>(alone, 0);
  Expressions expressions(handle, single);
  const auto given = expressions.default_of(0);
  if (!given) return given.error();
  std::string kept, shown;
  const auto stored = stored_value(column, *given, kept);
  if (!stored) return stored.error();
  if (column.not_null && stored->is_null())
    return refusal("column " + column.name +
                   " must not be NULL, and has no default for the rows there are");
  KIMDB_RETURN_IF_ERROR(expressions.check({shown_value(column.type, *stored, shown)}));
  if (statement.foreign_key && !stored->is_null())
    return refusal("a column that refers to another table is added without a default");
  column.missing_sql = literal_of(*stored);

  const auto place = static_cast<std::uint32_t>(schema.columns.size());
  schema.columns.push_back(std::move(column));
  schema.checks.insert(schema.checks.end(), statement.checks.begin(), statement.checks.end());
  std::vector<Change> changes;
  if (statement.foreign_key) {
    ForeignKey key = *statement.foreign_key;
    key.columns = {place};
    KIMDB_RETURN_IF_ERROR(complete(schema, key));
    const TypedTablePointer parent = catalog_->find(key.table);
    if (parent != before) changes.push_back({parent, parent->schema()});
    schema.foreign_keys.push_back(std::move(key));
  }
  changes.push_back({before, std::move(schema)});
  return write(changes);
}

Result<Lsn> Definitions::drop_column(const TypedTablePointer& before, const AlterTable& statement) {
  TableSchema schema = before->schema();
  const auto place = schema.find_column(statement.column);
  if (!place) return unknown_column(statement.column, schema);
  const std::string& name = schema.columns[*place].name;
  if (uses(schema.primary_key, *place))
    return refusal("column " + name + " is part of the primary key");
  for (const TableIndex& index : schema.indexes)
    if (uses(index.columns, *place))
      return refusal("column " + name + " is part of index " + index.name);
  for (const ForeignKey& key : schema.foreign_keys)
    if (uses(key.columns, *place)) return refusal("column " + name + " is part of a foreign key");
  schema.columns[*place].dropped = true;
  schema.columns[*place].not_null = false;
  schema.columns[*place].default_sql.clear();
  if (std::all_of(schema.columns.begin(), schema.columns.end(),
                  [](const Column& column) { return column.dropped; }))
    return refusal("column " + name + " is the last one of table " + schema.name);
  const auto lease = handles_.lease();
  if (!lease) return lease.error();
  KIMDB_RETURN_IF_ERROR(check_expressions((*lease)->get(), schema));
  return write({{before, std::move(schema)}});
}

// Of the schemas of the other tables those that rename(schema) changes.
template <class Rename>
std::vector<Definitions::Change> Definitions::renamed_in_others(const TypedTablePointer& table,
                                                                Rename&& rename) const {
  std::vector<Change> changes;
  for (const auto& [name, each] : catalog_->tables) {
    if (each == table) continue;
    TableSchema schema = each->schema();
    rename(schema);
    if (schema != each->schema()) changes.push_back({each, std::move(schema)});
  }
  return changes;
}

Result<Lsn> Definitions::rename_column(const TypedTablePointer& before,
                                       const AlterTable& statement) {
  TableSchema schema = before->schema();
  const auto place = schema.find_column(statement.column);
  if (!place) return unknown_column(statement.column, schema);
  const auto there = schema.find_column(statement.name);
  if (there && *there != *place) return refusal("duplicate column: " + statement.name);
  const std::string old_name = std::exchange(schema.columns[*place].name, statement.name);
  for (engine::Check& check : schema.checks)
    check.sql = renamed(check.sql, Renamed::column, old_name, statement.name);
  const auto rename_in = [&](TableSchema& child) {
    for (ForeignKey& key : child.foreign_keys) {
      if (!equals_ignoring_case(key.table, schema.name)) continue;
      for (std::string& column : key.referenced)
        if (equals_ignoring_case(column, old_name)) column = statement.name;
    }
  };
  std::vector<Change> changes = renamed_in_others(before, rename_in);
  rename_in(schema);
  changes.push_back({before, std::move(schema)});
  return write(changes);
}

Result<Lsn> Definitions::rename_table(const TypedTablePointer& before,
                                      const AlterTable& statement) {
  TableSchema schema = before->schema();
  const std::string old_name = std::exchange(schema.name, statement.name);
  for (engine::Check& check : schema.checks)
    check.sql = renamed(check.sql, Renamed::table, old_name, statement.name);
  const bool same_key = equals_ignoring_case(old_name, statement.name);
  if (!same_key) KIMDB_RETURN_IF_ERROR(check_new_table(schema));
  const auto rename_in = [&](TableSchema& child) {
    for (ForeignKey& key : child.foreign_keys)
      if (equals_ignoring_case(key.table, old_name)) key.table = statement.name;
  };
  std::vector<Change> changes = renamed_in_others(before, rename_in);
  rename_in(schema);
  if (!same_key) changes.push_back({before, std::nullopt});
  changes.push_back({same_key ? before : nullptr, std::move(schema)});
  return write(changes);
}

}  // namespace kimdb::database::sql
