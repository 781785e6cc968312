// Statements that define: CREATE, ALTER and DROP of tables and indexes. One after the other, each
// one record of the log.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/handle_pool.h"
#include "database/sql/parser.h"
#include "database/sql/row_numbers.h"

namespace kimdb::database {
class Database;
}

namespace kimdb::database::sql {

class Definitions {
 public:
  Definitions(Database& database, HandlePool& handles, RowNumbers& numbers)
      : database_(database), handles_(handles), numbers_(numbers) {}

  // Each gives the LSN of its record; 0 where there was nothing to do.
  Result<Lsn> create_table(const CreateTable& statement);
  Result<Lsn> drop_table(const DropTable& statement);
  Result<Lsn> create_index(const CreateIndex& statement);
  Result<Lsn> drop_index(const DropIndex& statement);
  Result<Lsn> alter_table(const AlterTable& statement);

  // Removes rows that no table has any more, for a while; true when none is left.
  bool remove_orphans();

 private:
  // One schema that is written, in the place of another one or not, or removed.
  struct Change {
    TypedTablePointer before;  // null: there is none
    std::optional<engine::TableSchema> after;
  };
  Result<Lsn> write(const std::vector<Change>& changes);

  Result<TypedTablePointer> table(const std::string& name) const;
  Status check_new_table(const engine::TableSchema& schema) const;
  // Fills in what is not said, and finds out whether there is what it refers to.
  Status complete(engine::TableSchema& schema, engine::ForeignKey& key) const;
  Result<engine::Column> take_column(const AlterTable& statement, engine::TableSchema& schema);
  Result<Lsn> add_column(const TypedTablePointer& before, const AlterTable& statement);
  Result<Lsn> drop_column(const TypedTablePointer& before, const AlterTable& statement);
  Result<Lsn> rename_column(const TypedTablePointer& before, const AlterTable& statement);
  Result<Lsn> rename_table(const TypedTablePointer& before, const AlterTable& statement);
  template <class Rename>
  std::vector<Change> renamed_in_others(const TypedTablePointer& table, Rename&& rename) const;
  // A name for an index that nobody else has.
  std::string free_index_name(const std::string& name, const engine::TableSchema& schema) const;
  bool has_index(std::string_view name) const;

  Database& database_;
  HandlePool& handles_;
  RowNumbers& numbers_;
  Mutex mutex_;             // one statement after the other
  CatalogPointer catalog_;  // of the statement at hand
};

}  // namespace kimdb::database::sql
