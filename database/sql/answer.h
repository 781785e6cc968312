// What a statement gives.
#pragma once

#include <cstddef>
#include <cstdint>

#include "database/sql/result_set.h"

namespace kimdb::database::sql {

struct Answer {
  // written: its beginning is, and the session has the rest.
  enum class Kind : std::uint8_t { done, changed, rows, written } kind = Kind::done;
  std::size_t changed = 0;  // rows
  ResultSet rows;
};

}  // namespace kimdb::database::sql
