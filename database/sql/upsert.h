// ON CONFLICT … DO of an INSERT: which keys of the table it is about, and what becomes of the row
// that holds one. SQLite computes it, as an UPDATE of that row alone (database/sql/row_source.h).
// One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/parser.h"
#include "database/sql/row_source.h"
#include "database/sql/sqlite.h"

namespace kimdb::database::sql {

class Upsert {
 public:
  // An error where a clause names no key of the table, or does not compile. Statements go before
  // the handle.
  static Result<Upsert> prepare(SqliteHandle& handle, const Query& query,
                                const TypedTablePointer& table);

  struct Key {
    std::size_t number = 0;             // TypedTable's primary key is 0, its unique indexes follow
    std::optional<std::size_t> clause;  // that the key belongs to; none: OR … says what to do
  };
  // In the order in which a row is held against them.
  const std::vector<Key>& keys() const { return keys_; }
  std::size_t parameters() const;
  bool does_nothing(std::size_t clause) const { return updates_[clause] == nullptr; }

  // What the clause makes of the row `old`, where `excluded` could not be inserted; valid until the
  // next call. Null where its WHERE does not hold.
  Result<const RowSource*> update(std::size_t clause, std::string_view old,
                                  std::string_view excluded, Execution& execution) const;

 private:
  SqliteHandle* handle_ = nullptr;
  RowSource* source_ = nullptr;
  std::vector<Key> keys_;
  std::vector<StatementPointer> updates_;  // by clause; null: DO NOTHING
};

// The keys of a table in their order, none of them with a clause.
std::vector<Upsert::Key> keys_of(const TypedTable& table);

}  // namespace kimdb::database::sql
