// Values as bytes whose order (memcmp's) is that of the values: what keys of sorting and of indexes
// are made of (engine/sort_key.h, engine/row_key.h).
//
// clang-format off
//   number  := 20 double rest      IEEE 754, big endian, order-preserving bits; rest u16: what the rounding of a whole
//                                  number took away, + 8000
//   text    := tag bytes 00 00     each 00 in it written as 00 ff
// clang-format on
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kimdb::engine {

void append_big_endian(std::string& out, std::uint64_t value, int bytes);
// Equal numbers are equal bytes, whichever of these wrote them.
constexpr std::size_t kNumberBytes = 11;
void append_number(std::string& out, double value);
void append_number(std::string& out, std::int64_t value);
void append_number(std::string& out, std::uint64_t value);
// The double of a number that stands at the beginning; nothing where there is none.
std::optional<double> read_number(std::string_view bytes);
void append_text(std::string& out, char tag, std::string_view text);
// Turns the order of what was appended behind `start` around.
void invert_from(std::string& out, std::size_t start);
// The first bytes behind all that begin with these; empty where there are none.
std::string behind_all(std::string prefix);

}  // namespace kimdb::engine
