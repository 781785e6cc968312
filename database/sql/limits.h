// What one statement of SQL may take, and how far back it may look.
#pragma once

#include <chrono>
#include <cstddef>

namespace kimdb::database::sql {

struct Limits {
  std::chrono::milliseconds timeout{30000};     // 0: none
  std::size_t memory = std::size_t{256} << 20;  // bytes, its result included; 0: no limit

  std::chrono::milliseconds history{0};  // how far back AS OF reaches at least

  bool operator==(const Limits&) const = default;
};

}  // namespace kimdb::database::sql
