// Batched key access: an inner table of a join is asked for one row after the other, each somewhere
// else in memory. Where these are asked for by a column of an outer table, the keys of its next
// rows are known: their rows are looked up together, so that memory is waited for once.
//
// SQLite does not say by which column it joins. It is the one that was read just before, several
// times in a row; what is found for it is used only where SQLite then asks for that very value. One
// thread.
#pragma once

#include <cstdint>
#include <vector>

#include "database/sql/catalog.h"
#include "database/sql/execution.h"
#include "engine/engine.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

class KeyBatch {
 public:
  // The row of the inner table with this primary key, of one column, if it was looked up already
  // (null id: there is none); null where it has to be looked up.
  const FoundRow* find(Execution& execution, const TypedTable& table,
                       const engine::SqlValue& given);

 private:
  bool is_expected(const Execution& execution);
  void look_up(Execution& execution, const TypedTable& table);

  Execution::LastRead source_;
  int repeats_ = 0;          // how often it was the source, one time after the other
  std::uint64_t first_ = 0;  // the number of the outer row that the first one is for
  std::size_t size_ = 0;     // a batch's
  std::size_t count_ = 0;    // of those below, that are of now
  std::vector<std::int64_t> given_;
  std::vector<FoundRow> rows_;
  std::vector<engine::KeyLookup> lookups_;
  std::uint64_t looked_up_ = 0;  // in the batches before, and of all how many were asked for
  std::uint64_t used_ = 0;
};

}  // namespace kimdb::database::sql
