// Keys of rows and of the indexes of typed tables: bytes whose order is that of the values.
//
// clang-format off
//   part    := 10             null
//            | number         engine/ordered_bytes.h: 20 …; of every numeric type
//            | text           30 …
//            | blob           40 …
//   prefix  := the table's number u32, big endian
// clang-format on
//
// Of a part that descends every byte is inverted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sql_value.h"

namespace kimdb::engine {

constexpr std::size_t kRowPrefixBytes = 4;

std::string row_prefix(std::uint32_t table);
// Of the key of a row.
std::uint32_t row_table(std::string_view key);
// Rows of one group lie in one partition, beside each other in memory: those of a table whose key
// is one number, 64 numbers after the other. Of other keys each is a group of its own: nothing.
struct RowGroup {
  std::uint32_t table = 0;
  std::uint64_t number = 0;
};
std::optional<RowGroup> row_group(std::string_view key);
void append_row_key_part(std::string& out, const SqlValue& value, bool descending = false);

}  // namespace kimdb::engine
