// A connection of SQLite's, in memory and without a row of its own: it parses and plans statements
// and runs them over virtual tables. One thread at a time; the pool of Sql gives them out.
//
// A handle knows the catalog of one moment; where that has changed, another one is made. Tables
// are made known to SQLite when a statement names them, since each costs some time and memory.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/parser.h"
#include "database/sql/plain_insert.h"
#include "database/sql/point_lookup.h"
#include "database/sql/row_numbers.h"
#include "database/sql/row_source.h"
#include "database/sql/row_writer.h"
#include "database/sql/source.h"
#include "database/sql/sqlite.h"
#include "database/sql/time_comparison.h"
#include "database/sql/upsert.h"

namespace kimdb::database::sql {

class SqliteHandle {
 public:
  // All of these outlive it.
  struct Surroundings {
    engine::Engine& engine;
    RowNumbers& numbers;
    Sources& sources;
  };
  static Result<std::unique_ptr<SqliteHandle>> open(const Surroundings& around,
                                                    CatalogPointer catalog);

  sqlite3* get() const { return database_.get(); }
  const CatalogPointer& catalog() const { return catalog_; }
  engine::Engine& engine() const { return around_.engine; }
  // Of a table of the catalog's.
  RowWriter& writer_of(const TypedTablePointer& table);

  // What an attempt to run a query has shown, for the next one.
  struct Learned {
    bool wants_view = false;      // it reads more than one row (Execution)
    bool keys_are_taken = false;  // what it wrote stood there already, or was changed meanwhile

    void add(const Learned& other) {
      wants_view = wants_view || other.wants_view;
      keys_are_taken = keys_are_taken || other.keys_are_taken;
    }
  };
  // A query: what kimdb has read of it, and how it is run.
  struct Prepared {
    Query query;
    std::vector<bool> named;  // Execution::named; empty: all
    // One of the first two; `lookup` where it does for the statement.
    std::optional<PlainInsert> insert;
    StatementPointer statement;
    std::optional<PointLookup> lookup;
    std::vector<ResultSet::Column>
        columns;                   // of what `statement`, or RETURNING, gives; none: it changes
    std::optional<Upsert> upsert;  // of ON CONFLICT
    StatementPointer returning;    // over the row source `returned`
    RowSource* returned = nullptr;
    std::size_t parameters = 0;
    bool varies = false;  // run again over the same state it may give something else
    Learned learned;

    std::string text;  // of a query that is kept
  };
  // As it was compiled before: reset, its parameters not bound; null where it was not, or not kept.
  Prepared* find(std::string_view text);
  // Compiles it and, unless it is long, keeps it for a while; valid until the next call, and as
  // long as `text` is, of which `query` is. An error is the user's.
  Result<Prepared*> prepare(std::string_view text, Query&& query);
  // How SQLite would run it: the steps, each indented by how deep it lies in others.
  Result<std::vector<std::string>> plan(std::string_view text, const Query& query);
  // The name of a table's row source, which is made where there is none: with the columns of
  // `excluded`, too, or without.
  std::string row_source(const TypedTablePointer& table, bool has_excluded);
  RowSource* row_source_named(std::string_view name);
  // A statement over row sources, with expressions of a user's in it.
  Result<StatementPointer> compile_own(const std::string& sql);
  // While such a statement runs: SQLite compiles it again where another table was made known.
  class OwnStatement {
   public:
    explicit OwnStatement(SqliteHandle& handle) : handle_(handle) {
      handle_.authorizes_sources_ = true;
    }
    ~OwnStatement() { handle_.authorizes_sources_ = false; }
    OwnStatement(const OwnStatement&) = delete;
    OwnStatement& operator=(const OwnStatement&) = delete;

   private:
    SqliteHandle& handle_;
  };
  // Of what can be read besides typed tables; an error where nothing has this name.
  Result<std::vector<SourceColumn>> source_columns(const std::string& name);
  // Counts calls of all three.
  std::uint64_t compilations() const { return compilations_; }

  // What is being compiled may have an outer join: SQLite then offers a LIKE of its ON clause for
  // the table on the left, too, whose rows it must not reject.
  bool compiles_outer_join() const { return compiles_outer_join_; }

  // Of the table that is being made known.
  std::unique_ptr<Source> take_source() { return std::move(source_); }

  // What virtual tables work for; null while no statement runs.
  Execution* execution = nullptr;

 private:
  SqliteHandle(const Surroundings& around, CatalogPointer catalog)
      : around_(around), catalog_(std::move(catalog)) {}
  // `sql`, or an error of `text`, in which it begins at `offset`.
  Result<StatementPointer> compile(const std::string& sql, std::string_view text,
                                   std::ptrdiff_t offset);
  // The same with comparisons of times written out (time_comparison.h), of what was compiled as it
  // is; null where there are none.
  StatementPointer compile_by_time(const std::string& sql, std::string_view prefix);
  Status prepare_returning(const Query& query, Prepared& made);
  // Makes the table that the message misses known to SQLite; false where there is none.
  bool add_missing_table(std::string_view message);
  Error last_error(std::string_view text, std::ptrdiff_t offset);
  Error unknown_column(std::string_view column, std::string_view text) const;
  static int authorize(void* handle, int action, const char* first, const char* second,
                       const char* database, const char* trigger);

  const Surroundings around_;
  const CatalogPointer catalog_;
  std::unique_ptr<Source> source_;
  bool compiles_outer_join_ = false;
  bool compiles_varying_ = false;    // Prepared::varies
  bool authorizes_all_ = false;      // this class' own statements
  bool authorizes_sources_ = false;  // those over row sources
  std::uint64_t compilations_ = 0;
  TablesByTime tables_;  // that SQLite knows
  SqlitePointer database_;
  std::map<std::string, RowSource, std::less<>> row_sources_;
  // Statements go before the database.
  std::map<const TypedTable*, RowWriter> writers_;
  Prepared not_kept_;          // the last one that was too long
  std::list<Prepared> cache_;  // those used last in front
  std::unordered_map<std::string_view, std::list<Prepared>::iterator> cached_;
};

}  // namespace kimdb::database::sql
