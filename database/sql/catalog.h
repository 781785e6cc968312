// The typed tables there are: their schemas as statements use them.
//
// A state of the catalog is immutable and shared by the statements that began with it; it is read
// anew from the keyspace kSchemas when that has changed. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "engine/engine.h"
#include "engine/index.h"
#include "engine/row.h"
#include "engine/schema.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

class TypedTable {
 public:
  // `lsn`: of the record that wrote the schema.
  TypedTable(engine::TableSchema schema, Lsn lsn);

  const engine::TableSchema& schema() const { return schema_; }
  Lsn lsn() const { return lsn_; }
  const std::string& prefix() const { return prefix_; }  // of its rows' keys
  const engine::RowLayout& layout() const { return layout_; }
  // The places of the columns that are not dropped, which are those that statements see.
  const std::vector<std::uint32_t>& visible() const { return visible_; }
  // Of an INSERT: the number of the visible column that a name means. SQLite's names of a rowid
  // mean the key of a table whose primary key is one INT or BIGINT.
  std::optional<std::size_t> visible_column(std::string_view name) const;
  std::optional<std::size_t> rowid_column() const;
  // Which of the visible ones have one of the names.
  std::vector<bool> named(const std::vector<std::string>& names) const;

  // A column of a row; of a row that was written before the column came, what the schema says.
  engine::SqlValue column(const engine::RowView& row, std::size_t place) const {
    return row.has(place) ? row.column(place) : missing_[place].value;
  }
  // The key of a row with these values, of which those of the primary key count. The table has one.
  std::string key_of(const std::vector<engine::SqlValue>& values) const;
  // The same with a number, of a table without a primary key.
  std::string key_of(std::int64_t number) const;
  engine::IndexDefinition definition_of(const engine::TableIndex& index) const;
  // Under which keys a row stands in the table's unique indexes, one after the other; empty where a
  // column of it is null, and nothing is unique.
  std::vector<std::string> unique_keys(std::string_view row) const;
  bool has_unique() const { return has_unique_; }

 private:
  struct Missing {
    std::string text;
    engine::SqlValue value;
  };

  const engine::TableSchema schema_;
  const Lsn lsn_;
  const std::string prefix_;
  const engine::RowLayout layout_;
  std::vector<std::uint32_t> visible_;
  std::vector<Missing> missing_;
  bool has_unique_ = false;  // index
};
using TypedTablePointer = std::shared_ptr<const TypedTable>;

// A foreign key, from the table that it refers to.
struct Reference {
  TypedTablePointer from;
  std::size_t foreign_key = 0;  // of its schema
};

struct CatalogState {
  std::uint64_t version = 0;
  std::map<std::string, TypedTablePointer, std::less<>> tables;  // by names in lower case

  std::multimap<std::string, Reference, std::less<>> references;  // by the same names

  // Null where there is none, whatever the case of the letters.
  TypedTablePointer find(std::string_view table) const;
  // "unknown table: usrs (did you mean users?)"
  std::string unknown_table(std::string_view table) const;
  bool is_referenced(const TypedTable& table) const {
    return references.contains(engine::schema_key(table.schema().name));
  }
};
using CatalogPointer = std::shared_ptr<const CatalogState>;

// "unknown column: nme (did you mean name?)"; the columns are those of the schemas.
std::string unknown_column(std::string_view column,
                           std::span<const engine::TableSchema* const> schemas);

class Catalog {
 public:
  explicit Catalog(engine::Engine& engine) : engine_(engine) {}

  // What is current; nobody who holds a partition's lock may ask.
  CatalogPointer current();

 private:
  // Tables whose schemas are those of `before`, which may be null, are taken from it.
  CatalogPointer read(std::uint64_t version, const CatalogState* before) const;

  engine::Engine& engine_;
  Mutex mutex_;
  CatalogPointer state_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::database::sql
