// What a typed table is: its columns, keys, indexes and constraints.
//
// A schema lies in the keyspace kSchemas under the table's name in lower case, as JSON: the members
// of these structs by their names, left out where they are as they are made here. A member that
// this version does not know is refused: a newer one wrote it.
//
// Columns keep their place for good, since rows are laid out by it (engine/row.h): a column that is
// dropped stays as one that nobody sees, and a new one comes behind the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kimdb::engine {

enum class ColumnType : std::uint8_t {
  integer,    // 32 bits
  bigint,     // 64 bits
  real,       // a double
  decimal,    // a whole number of 64 bits, or a double
  text,       // UTF-8
  boolean,    // 0 or 1
  timestamp,  // ms since 1970, UTC
  json,       // its text
  blob,
};
// "INT", "VARCHAR" …, as errors and DESCRIBE say it.
std::string_view type_name(ColumnType type);
struct Column;
// The same with what was said of it: "VARCHAR(100)", "DECIMAL(10,2)".
std::string full_type_name(const Column& column);
// Of fixed size in a row.
constexpr bool is_fixed(ColumnType type) {
  return type != ColumnType::text && type != ColumnType::json && type != ColumnType::blob;
}

constexpr std::size_t kColumnsMax = 1000;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::uint32_t kPrecisionMax = 100;

struct Column {
  std::string name;
  ColumnType type = ColumnType::text;
  std::uint32_t length_max = 0;  // of VARCHAR(n), in code points; 0: none
  // Of DECIMAL(p,s): how many digits, and how many of them behind the point. 0: any, as they come.
  std::uint32_t precision = 0;
  std::uint32_t scale = 0;
  bool not_null = false;
  bool dropped = false;
  // SQL of a constant or an expression without columns; empty: NULL.
  std::string default_sql;
  // What rows show that were written before the column was added, as SQL; empty: NULL.
  std::string missing_sql;

  friend bool operator==(const Column&, const Column&) = default;
};

struct TableIndex {
  std::string name;
  std::vector<std::uint32_t> columns;  // by their places
  std::vector<bool> descending;        // as many
  bool unique = false;
  bool hash = false;

  friend bool operator==(const TableIndex&, const TableIndex&) = default;
};

struct ForeignKey {
  // What happens to rows when the row that they refer to goes, or is called otherwise. `none`: it
  // must not.
  enum class Action : std::uint8_t { none, cascade, set_null, set_default };

  std::vector<std::uint32_t> columns;
  std::string table;
  std::vector<std::string> referenced;  // its columns
  Action on_delete = Action::none;
  Action on_update = Action::none;

  friend bool operator==(const ForeignKey&, const ForeignKey&) = default;
};

// "CASCADE", "SET NULL", "SET DEFAULT"; of `none` nothing.
std::string_view action_name(ForeignKey::Action action);

struct Check {
  std::string name;  // may be empty
  std::string sql;

  friend bool operator==(const Check&, const Check&) = default;
};

struct TableSchema {
  std::string name;          // as it was written
  std::uint32_t number = 0;  // the table's rows are found by it; never given twice
  std::vector<Column> columns;
  // Places of columns; empty: rows have a number of their own, which nobody sees.
  std::vector<std::uint32_t> primary_key;
  bool auto_increment = false;  // of a primary key of one whole number
  std::vector<TableIndex> indexes;
  std::vector<ForeignKey> foreign_keys;
  std::vector<Check> checks;

  // The place of a column that is not dropped, whatever the case of its letters.
  std::optional<std::uint32_t> find_column(std::string_view column) const;
  friend bool operator==(const TableSchema&, const TableSchema&) = default;
};

// A name is any text of UTF-8 without control characters; up to kNameBytesMax.
bool is_sql_name(std::string_view name);
std::string schema_key(std::string_view table);
std::string encode_schema(const TableSchema& schema);
// Of an entry of kSchemas; corrupt where it is none, unsupported where a newer version wrote it.
Result<TableSchema> read_schema(std::string_view value);

}  // namespace kimdb::engine
