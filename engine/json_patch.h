// Changes to JSON that are JSON themselves: merge patches (RFC 7396), and lists of operations on
// pointers (JSON Patch, RFC 6902, with JSON Pointer, RFC 6901).
//
// Trees hold views (engine/json_tree.h): the texts of target and patch outlive both.
#pragma once

#include <deque>
#include <string>

#include "base/result.h"
#include "engine/json_tree.h"

namespace kimdb::engine {

void merge_patch(JsonNode& target, const JsonNode& patch);

// Applies all operations, or says which one cannot be applied, counted from 0; then the target is
// unspecified. What copy and add put in is bounded: `bytes_max` for the whole result. `names` keeps
// the names of new members, which the target borrows.
Status json_patch(JsonNode& target, const JsonNode& operations, std::size_t bytes_max,
                  std::deque<std::string>& names);

}  // namespace kimdb::engine
