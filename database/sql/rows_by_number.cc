#include "database/sql/rows_by_number.h"

#include <algorithm>
#include <bit>
#include <new>
#include <string_view>
#include <utility>

#include "database/sql/statement_memory.h"
#include "engine/engine.h"

namespace kimdb::database::sql {

void RowsByNumber::Release::operator()(Slot* slots) const {
  delete[] slots;
  if (memory != nullptr) memory->give_extra(bytes);
}

std::size_t RowsByNumber::home(std::int64_t number) const {
  const std::string_view bytes(reinterpret_cast<const char*>(&number), sizeof number);
  return static_cast<std::size_t>(engine_.hash(bytes)) & (capacity_ - 1);
}

bool RowsByNumber::reserve(std::size_t rows) {
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(2 * rows, 2));
  if (capacity <= capacity_) return true;
  const std::size_t bytes = capacity * sizeof(Slot);
  if (memory_ != nullptr && !memory_->take_extra(bytes)) return false;
  std::unique_ptr<Slot[], Release> slots(new (std::nothrow) Slot[capacity], {memory_, bytes});
  if (slots == nullptr) {  // which is not released
    if (memory_ != nullptr) memory_->give_extra(bytes);
    return false;
  }
  const std::unique_ptr<Slot[], Release> before = std::exchange(slots_, std::move(slots));
  const std::size_t capacity_before = std::exchange(capacity_, capacity);
  for (std::size_t i = 0; i < capacity_before; ++i)
    if (before[i].row.id() != 0) slots_[place_of(before[i].number)] = before[i];
  return true;
}

bool RowsByNumber::insert(std::int64_t number, FoundRow row) {
  if (2 * (size_ + 1) > capacity_ && !reserve(size_ + 1)) return false;
  slots_[place_of(number)] = {number, row};
  ++size_;
  return true;
}

}  // namespace kimdb::database::sql
