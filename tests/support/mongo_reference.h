// Which documents a filter matches, as MongoDB's manual and its server's tests of paths say it,
// written as plainly as it can be over trees of JSON, for tests to compare with. What a path
// leads to is worked out first, all of it:
//
//   - of an object, its member of that name, or nothing
//   - of an array, what the path leads to in each of its objects; and, where the name is a number,
//     what the rest leads to in the item of that number. Nothing is found in other items, and not
//     even "nothing" in an array without objects
//   - of any other value, nothing
//   - an array at the end stands for its items and for itself, but where a number has picked it
//
// A condition holds where it holds for one of these; "nothing" is equal to null. $size and
// $elemMatch look at arrays at the end as they are. $elemMatch with operators is about each item as
// it stands, with fields about items that are objects, or arrays with their indexes as names.
//
// Where kimdb differs on purpose (docs/documents.md), so does this: members of an object stand in
// any order, patterns are RE2's.
#pragma once

#include <string_view>

#include "engine/json_tree.h"

namespace kimdb::support {

// Of a filter that kimdb accepts.
bool mongo_matches(const engine::JsonNode& filter, const engine::JsonNode& document);
bool mongo_matches(std::string_view filter, std::string_view document);

}  // namespace kimdb::support
