// Rows by a whole number, which is their primary key: the build side of a hash join.
//
// Open addressing with linear probing, at most half full. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "database/sql/execution.h"

namespace kimdb::database::sql {

class RowsByNumber {
 public:
  // Of a statement, whose memory outlives it; null: without a limit.
  RowsByNumber(const engine::Engine& engine, StatementMemory* memory)
      : engine_(engine), memory_(memory) {}

  std::size_t size() const { return size_; }
  // False where there is no room for so many (StatementMemory::take_extra); what is there stays.
  bool reserve(std::size_t rows);
  // The same where one more has no room. The number is not there yet.
  bool insert(std::int64_t number, FoundRow row);

  // Both after reserve(). Brings what find(number) will read into the cache.
  void prefetch(std::int64_t number) const { __builtin_prefetch(&slots_[home(number)]); }
  // Null id: there is none.
  FoundRow find(std::int64_t number) const { return slots_[place_of(number)].row; }

 private:
  struct Slot {
    std::int64_t number = 0;
    FoundRow row;  // null id: free
  };
  struct Release {
    void operator()(Slot* slots) const;
    StatementMemory* memory;
    std::size_t bytes;
  };

  std::size_t home(std::int64_t number) const;
  // Where the number lies, or would.
  std::size_t place_of(std::int64_t number) const {
    std::size_t at = home(number);
    while (slots_[at].row.id() != 0 && slots_[at].number != number) at = (at + 1) & (capacity_ - 1);
    return at;
  }

  const engine::Engine& engine_;  // whose hashes nobody can foresee
  StatementMemory* memory_;
  std::unique_ptr<Slot[], Release> slots_;
  std::size_t capacity_ = 0;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace kimdb::database::sql
