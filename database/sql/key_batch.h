// Batched key access: an inner table of a join is asked for one row after the other, each somewhere
// else in memory. Where these are asked for by a column of an outer table, the keys of its next
// rows are known: their rows are looked up together, so that memory is waited for once. Once half
// as many were looked up as the inner table has rows, and at least a thousand, all of these are
// gathered in a hash table of the statement's own (a hash join), which takes no locks; that costs
// about as much as the lookups before.
//
// SQLite does not say by which column it joins. It is the one that was read just before, several
// times in a row; what is found for it is used only where SQLite then asks for that very value. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "database/sql/rows_by_number.h"
#include "engine/engine.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

class KeyBatch {
 public:
  explicit KeyBatch(TypedTablePointer table);

  // The row of the inner table with this primary key, of one column, if it was looked up already
  // (null id: there is none); null where it has to be looked up.
  const FoundRow* find(Execution& execution, const engine::SqlValue& given);

 private:
  bool is_expected(const Execution& execution);
  void look_up(Execution& execution);
  void look_up_in_engine(Execution& execution);
  void look_up_in_gathered();
  void gather_when_due(Execution& execution);
  // Gives up where they have no room, are too many, or the statement has to end.
  void gather(Execution& execution, std::size_t expected_rows);

  const TypedTablePointer table_;
  Execution::LastRead source_;
  // Of this source:
  int repeats_ = 0;              // how often it was the source, one time after the other
  std::uint64_t first_ = 0;      // the number of the outer row that the first one is for
  std::size_t size_ = 0;         // a batch's
  std::uint64_t looked_up_ = 0;  // in the batches before, and of all how many were asked for
  std::uint64_t used_ = 0;
  // What was looked up last, row by row.
  std::vector<std::int64_t> given_;
  std::vector<FoundRow> rows_;
  std::vector<engine::KeyLookup> lookups_;
  // All rows of the table.
  std::optional<RowsByNumber> gathered_;
  std::uint64_t total_ = 0;     // lookups, whatever the source
  std::uint64_t gather_after_;  // of them; kNever: not, or not again
};

}  // namespace kimdb::database::sql
