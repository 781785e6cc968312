// What INSERT, UPDATE and DELETE do to a typed table: checks and converts rows, finds their keys,
// and puts them into what the statement changes (Execution::changes). One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/expressions.h"
#include "database/sql/parser.h"
#include "database/sql/row_numbers.h"

namespace kimdb::database::sql {

class RowWriter {
 public:
  RowWriter(sqlite3* handle, TypedTablePointer table, RowNumbers& numbers)
      : table_(std::move(table)), expressions_(handle, table_), numbers_(numbers) {}

  // `given`: of each visible column; those that the statement does not name (Execution::named) do
  // not count. already_exists where the key is taken and `on_conflict` is ignore.
  Status insert(Execution& execution, const std::vector<engine::SqlValue>& given,
                OnConflict on_conflict);
  // The same; `changed` says which of the values were given, the others stay.
  Status update(Execution& execution, const FoundRow& row,
                const std::vector<engine::SqlValue>& given, const std::vector<bool>& changed);
  void remove(Execution& execution, const FoundRow& row) {
    execution.changes.remove(table_, row.key(), row.lsn());
  }

 private:
  void begin_row();
  // Converts a value that a statement gave, and puts it in its place.
  Status take(std::uint32_t place, const engine::SqlValue& given);
  Status check_row();
  Status put(Execution& execution, std::string_view key, Lsn replaces, std::string row);
  Status make_way(Execution& execution, const std::string& key, const std::string& row,
                  OnConflict on_conflict);
  Result<std::string> key_of_new(Execution& execution);
  const TypedTablePointer table_;
  Expressions expressions_;
  RowNumbers& numbers_;
  // Of the row at hand, by places: the values, texts that were made for them, and for CHECKs.
  std::vector<engine::SqlValue> values_;
  std::vector<std::string> kept_;
  std::vector<std::string> kept_for_checks_;
};

// "id = 1, name = 'x'": the columns of a row, for errors.
std::string columns_in_words(const engine::TableSchema& schema,
                             const std::vector<std::uint32_t>& places,
                             const std::vector<engine::SqlValue>& values);

}  // namespace kimdb::database::sql
