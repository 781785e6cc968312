// Values as bytes whose order (memcmp's) is that of the values (engine/json_order.h): for sorting
// documents and for indexes.
//
// clang-format off
//   key     := part for each field, in turn; of a field that descends every byte is inverted
//   part    := 08                      an array without items
//            | 10                      null, and what is not there
//            | 20 …                    a number (engine/ordered_bytes.h)
//            | 30 text 00 00           a string, each 00 in it written as 00 ff
//            | 40 text 00 00           an object, by its text
//            | 50 text 00 00           an array that is an item itself, by its text
//            | 60                      false
//            | 61                      true
// clang-format on
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/field_path.h"
#include "engine/json_reader.h"

namespace kimdb::engine {

struct SortField {
  FieldPath path;
  bool descending = false;
};
using SortOrder = std::vector<SortField>;

// "-age,address.city": by falling age, then by rising city.
Result<SortOrder> parse_sort_order(std::string_view text);
// The same as somebody types it: with blanks around names, which are checked (check_field_path),
// and none there twice.
Result<SortOrder> read_typed_order(std::string_view text);

void append_key_part(std::string& out, const JsonElement& value, bool descending);
// Of what is not there.
void append_null_part(std::string& out, bool descending);
// Takes the first part off; its tag, the other way round where the field descends. Nothing where
// there is none.
std::optional<unsigned char> take_key_part(std::string_view& key, bool descending);
// Of a part with this tag no two are the same to UNIQUE.
constexpr bool is_null_tag(unsigned char tag) { return tag <= 0x10; }

// What a document is sorted by: the values that the field's path leads to, an array's items for the
// array, null for what is not there; where an array on the way has the item that a number names,
// only that. The smallest one counts, of a field that descends the greatest one.
void append_sort_key(std::string& out, const JsonElement& document, const SortOrder& order);
// The parts of all of them, sorted, none twice; some, and more than `count_max`, where there are
// more.
void add_sort_parts(std::vector<std::string>& parts, const JsonElement& document,
                    const SortField& field, std::size_t count_max);
// Brings parts into this form.
void sort_parts(std::vector<std::string>& parts);

}  // namespace kimdb::engine
