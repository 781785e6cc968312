// Values as bytes whose order (memcmp's) is that of the values (engine/filter.h, compare): for
// sorting documents and for indexes.
//
// clang-format off
//   key     := part for each field, in turn; of a field that descends every byte is inverted
//   part    := 10                      null, and what is not there
//            | 20 …                    a number (engine/ordered_bytes.h)
//            | 30 text 00 00           a string, each 00 in it written as 00 ff
//            | 40 text 00 00           an object, by its text
//            | 50 text 00 00           an array, by its text
//            | 60                      false
//            | 61                      true
// clang-format on
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/filter.h"

namespace kimdb::engine {

struct SortField {
  FieldPath path;
  bool descending = false;
};
using SortOrder = std::vector<SortField>;

// "-age,address.city": by falling age, then by rising city.
Result<SortOrder> parse_sort_order(std::string_view text);

void append_key_part(std::string& out, const JsonElement& value, bool descending);
// Where a path leads to several values, or into an array, the smallest one counts, of a field that
// descends the greatest one.
void append_sort_key(std::string& out, const JsonElement& document, const SortOrder& order);

}  // namespace kimdb::engine
