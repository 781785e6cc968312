// The statements that are kimdb's own: what they define. All others go to SQLite. Pure.
//
// SQLite's virtual tables know no CREATE, ALTER and DROP, and whose transaction it is only kimdb
// knows. The grammar is SQLite's, with the types and words of MySQL and PostgreSQL that people use
// for the same; docs/sql.md lists it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/schema.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

struct CreateTable {
  engine::TableSchema schema;  // its number is not given yet
  bool if_not_exists = false;
};

struct DropTable {
  std::string table;
  bool if_exists = false;
};

struct IndexColumn {
  std::string name;
  bool descending = false;
};
struct CreateIndex {
  std::string name;
  std::string table;
  std::vector<IndexColumn> columns;
  bool unique = false;
  bool hash = false;  // USING HASH
  bool if_not_exists = false;
};

struct DropIndex {
  std::string name;
  bool if_exists = false;
};

struct AlterTable {
  enum class Kind : std::uint8_t { add_column, drop_column, rename_column, rename_table };
  Kind kind = Kind::add_column;
  std::string table;
  std::string column;  // to be dropped or renamed
  std::string name;    // the new one
  engine::Column added;
  std::vector<engine::Check> checks;  // of the added column
  std::optional<engine::ForeignKey>
      foreign_key;  // of the added column, which is none of its columns
};

enum class Simple : std::uint8_t {
  begin,
  begin_serializable,
  commit,
  rollback,
  show_tables,
  show_status
};

struct Describe {
  std::string table;
};
struct ShowIndexes {
  std::string table;  // empty: of all
};
struct Vacuum {
  std::string table;  // empty: all
};
// INSERT OR …, UPDATE OR …: what to do with a row whose key is taken, or that a NOT NULL or CHECK
// refuses. `refuse` (ABORT): the statement fails. `fail`: it does, and what it did before stays.
// `rollback`: it does, and ends its transaction.
enum class OnConflict : std::uint8_t { refuse, fail, rollback, ignore, replace };

// ON CONFLICT (columns) DO NOTHING | UPDATE SET … WHERE …, of an INSERT. SQLite has it not for
// virtual tables: it is done here (database/sql/upsert.h).
struct ConflictClause {
  std::vector<std::string> columns;  // of a key; none: all that no clause before names
  // What stands behind UPDATE: "SET a = 1 WHERE b > 0"; its parameters are ?<number>. Empty:
  // NOTHING.
  std::string update;
};

// What VALUES lists, as long as that is nothing but literals and parameters. Its texts lie in the
// statement's.
struct ValueList {
  struct Value {
    engine::SqlValue literal;
    bool is_parameter = false;  // the next ?
  };
  std::vector<Value> values;         // row by row
  std::size_t width = 0;             // of a row; 0: there is no such list
  std::deque<std::string> unquoted;  // texts with '' in them
};

// For SQLite.
struct Query {
  enum class Explain : std::uint8_t { no, plan, analyze };
  std::string_view text;   // without EXPLAIN
  std::size_t offset = 0;  // of `text` in the statement
  Explain explain = Explain::no;
  std::string as_of;    // SELECT … AS OF position: the position; empty: now
  bool writes = false;  // INSERT, UPDATE, DELETE, REPLACE, or WITH before one of them
  std::string table;    // what it writes into
  // Of INSERT and REPLACE: the columns that they name.
  bool names_columns = false;  // else all
  std::vector<std::string> columns;
  OnConflict on_conflict = OnConflict::refuse;
  ValueList rows;     // of INSERT … VALUES of literals and parameters
  std::string alias;  // of the table; empty: none
  // These are no part of `text`.
  std::vector<ConflictClause> conflict_clauses;
  std::string returning;  // what stands behind RETURNING, parameters as above; empty: nothing
};

using Statement = std::variant<CreateTable, DropTable, CreateIndex, DropIndex, AlterTable, Simple,
                               Describe, ShowIndexes, Vacuum, Query>;

// One statement, with a semicolon behind it or without. An error says what is wrong and where:
// "syntax error at position 8 near 'TABEL'", counted in bytes from 1.
Result<Statement> parse_statement(std::string_view text);

// The error of a place in the text.
Error syntax_error(std::string_view text, std::size_t offset, std::string_view what = {});

}  // namespace kimdb::database::sql
