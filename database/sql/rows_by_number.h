// Rows by a whole number, which is their primary key: the build side of a hash join.
//
// Open addressing with linear probing, at most half full, in memory of SQLite's allocator, so that
// it counts as the statement's (statement_memory.h). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "database/sql/execution.h"
#include "engine/engine.h"

namespace kimdb::database::sql {

class RowsByNumber {
 public:
  explicit RowsByNumber(const engine::Engine& engine) : engine_(engine) {}

  // False where the statement has no room for so many; what is there stays.
  bool reserve(const StatementMemory* memory, std::size_t rows);
  // The same where one more has no room. The number is not there yet.
  bool insert(const StatementMemory* memory, std::int64_t number, FoundRow row);

  // Brings what find(number) will read into the cache.
  void prefetch(std::int64_t number) const { __builtin_prefetch(&slots_[home(number)]); }
  // Null id: there is none.
  FoundRow find(std::int64_t number) const { return slot_of(number).row; }

 private:
  struct Slot {
    std::int64_t number;
    FoundRow row;  // null id: free
  };
  struct Release {
    void operator()(Slot* slots) const;
  };

  std::size_t home(std::int64_t number) const;
  // Where the number lies, or would.
  Slot& slot_of(std::int64_t number) const {
    std::size_t at = home(number);
    while (slots_[at].row.id() != 0 && slots_[at].number != number) at = (at + 1) & (capacity_ - 1);
    return slots_[at];
  }

  const engine::Engine& engine_;  // whose hashes nobody can foresee
  std::unique_ptr<Slot[], Release> slots_;
  std::size_t capacity_ = 0;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace kimdb::database::sql
