// Values of JSON among each other.
#pragma once

#include "engine/json_reader.h"

namespace kimdb::engine {

// Classes of values that can be compared with each other, in their order.
enum class Rank { null, number, string, object, array, boolean };
Rank rank_of(const JsonElement& element);

// In the order of sorting and of indexes: null, numbers, strings, objects, arrays, false, true.
// Objects and arrays among themselves by their text.
int compare(const JsonElement& a, const JsonElement& b);
// Numbers by value, members of objects in any order.
bool same(const JsonElement& a, const JsonElement& b);

}  // namespace kimdb::engine
