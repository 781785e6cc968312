// What one statement of SQL may take, and how far back it may look.
#pragma once

#include <chrono>
#include <cstddef>

namespace kimdb::database::sql {

struct Limits {
  std::chrono::milliseconds timeout{30000};  // 0: none
  // Bytes, with what is held of its result; 0: no limit.
  std::size_t memory = std::size_t{256} << 20;
  // That an answer which leaves piece by piece may take in all; 0: none.
  std::chrono::milliseconds answer_timeout{600000};

  std::chrono::milliseconds history{0};  // how far back AS OF reaches at least

  bool operator==(const Limits&) const = default;
};

}  // namespace kimdb::database::sql
