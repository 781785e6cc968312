#include "database/sql/rows_by_number.h"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "database/sql/statement_memory.h"

namespace kimdb::database::sql {

void RowsByNumber::Release::operator()(Slot* slots) const { sqlite3_free(slots); }

std::size_t RowsByNumber::home(std::int64_t number) const {
  const std::string_view bytes(reinterpret_cast<const char*>(&number), sizeof number);
  return static_cast<std::size_t>(engine_.hash(bytes)) & (capacity_ - 1);
}

bool RowsByNumber::reserve(const StatementMemory* memory, std::size_t rows) {
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(2 * rows, 2));
  if (capacity <= capacity_) return true;
  const std::size_t bytes = capacity * sizeof(Slot);
  // It makes a join faster, and must not be what ends the statement: the rest stays for others.
  if (memory != nullptr && !memory->has_room(2 * bytes)) return false;
  std::unique_ptr<Slot[], Release> slots(static_cast<Slot*>(sqlite3_malloc64(bytes)));
  if (slots == nullptr) return false;
  std::uninitialized_value_construct_n(slots.get(), capacity);
  std::swap(slots, slots_);
  const std::size_t before = std::exchange(capacity_, capacity);
  for (std::size_t i = 0; i < before; ++i)
    if (slots[i].row.id() != 0) slot_of(slots[i].number) = slots[i];
  return true;
}

bool RowsByNumber::insert(const StatementMemory* memory, std::int64_t number, FoundRow row) {
  if (2 * (size_ + 1) > capacity_ && !reserve(memory, size_ + 1)) return false;
  slot_of(number) = {number, row};
  ++size_;
  return true;
}

}  // namespace kimdb::database::sql
