// What INSERT, UPDATE and DELETE do to a typed table: checks and converts rows, finds their keys,
// and puts them into what the statement changes (Execution::changes). One thread.
//
// INSERT looks row by row at keys that are taken where OR … or ON CONFLICT say what to do about
// them, and so does UPDATE OR …, at the end of the statement and in the order of the primary key.
// Else unique keys are looked at when all rows are what they shall be, so that they may change
// places (database/sql/constraints.h).
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
#include "database/sql/upsert.h"

namespace kimdb::database::sql {

class SqliteHandle;

class RowWriter {
 public:
  // Of a table of the handle's catalog; both outlive it.
  RowWriter(SqliteHandle& handle, TypedTablePointer table, RowNumbers& numbers);

  // `given`: of each visible column; those that the statement does not name (Execution::named) do
  // not count. A row that is left out for a constraint (OR IGNORE, DO NOTHING) is no error.
  Status insert(Execution& execution, const std::vector<engine::SqlValue>& given,
                OnConflict on_conflict);
  // The same; `changed` says which of the values were given, the others stay.
  Status update(Execution& execution, const FoundRow& row,
                const std::vector<engine::SqlValue>& given, const std::vector<bool>& changed,
                OnConflict on_conflict);
  void remove(Execution& execution, const FoundRow& row);
  // What update() has put off until the statement has read all it reads.
  Status run(Execution& execution, const Execution::Update& update);
  // The same for what follows from foreign keys: no row that the statement itself has changed.
  Status follow(Execution& execution, const FoundRow& row,
                const std::vector<engine::SqlValue>& given, const std::vector<bool>& changed);
  void remove_following(Execution& execution, const FoundRow& row);
  // What DEFAULT gives; valid until the next call for the column.
  Result<engine::SqlValue> default_of(std::uint32_t place) {
    return expressions_.default_of(place);
  }

 private:
  // Of a constraint that does not hold: false where the row is left out, else the error.
  static Result<bool> broken(Execution& execution, OnConflict on_conflict, Error error);
  void begin_row();
  // Converts a value that a statement gave, and puts it in its place.
  Status take(std::uint32_t place, const engine::SqlValue& given);
  Status take_update(const FoundRow& row, const std::vector<engine::SqlValue>& given,
                     const std::vector<bool>& changed);
  // Both false where the row is left out.
  Result<bool> check_row(Execution& execution, OnConflict on_conflict);
  Result<bool> check_primary_key(Execution& execution, std::string_view key, Lsn& replaces,
                                 OnConflict on_conflict);

  // One by one: with a look at all keys. False where the row is left out.
  Result<bool> insert_alone(Execution& execution, const std::string& key, std::string row,
                            OnConflict on_conflict);
  Result<bool> update_alone(Execution& execution, const FoundRow& row,
                            const std::vector<engine::SqlValue>& given,
                            const std::vector<bool>& changed, OnConflict on_conflict);
  Result<bool> update_instead(Execution& execution, std::size_t clause, const std::string& holder,
                              const std::string& excluded);
  // The key of another row that has the same; empty: none. `except`: the row's key before.
  Result<std::string> holder_of(Execution& execution, const Upsert::Key& key,
                                const std::string& row_key, std::string_view except,
                                const std::vector<std::string>& unique_keys) const;
  Error duplicate(std::size_t key_number) const;
  // With all others: keys may still change places.
  Status update_together(Execution& execution, const FoundRow& row,
                         const std::vector<engine::SqlValue>& given,
                         const std::vector<bool>& changed, OnConflict on_conflict, bool follows);

  static Error too_many_rows();
  Status put(Execution& execution, std::string_view key, Lsn replaces, std::string row);
  Status remove_for_another(Execution& execution, const std::string& key);
  void note_parent(Execution& execution, std::string_view before, std::optional<std::string> after);
  static void note_returned(Execution& execution, std::string_view key, std::string_view row);
  Result<std::string> key_of_new();

  SqliteHandle& handle_;
  const TypedTablePointer table_;
  const bool has_actions_;  // of others, on its rows
  const std::vector<Upsert::Key> keys_;
  // Its rows have a whole number, as key or, in number_, hidden.
  const bool has_number_;
  Expressions expressions_;
  RowNumbers& numbers_;
  std::int64_t number_ = 0;  // of the row at hand, where the table has no primary key
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
