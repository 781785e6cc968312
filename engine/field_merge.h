// Documents whose fields are written by many, some of them offline: of each field (top-level
// member) the write with the latest time wins, in whatever order the writes come (a
// last-writer-wins register for each field, in Shapiro and others' terms, 2011).
//
// The times stand in the document's body as a member of kimdb's own,
//   "_times": {"base": ms, "fields": {"name": ms, …}}
// where `base` is the time of all fields that have none of their own. Any other change of the
// document drops them: its time is then that of all fields. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/json_tree.h"

namespace kimdb::engine {

struct FieldMerge {
  std::string body;                  // as Document::body; where nothing won, as it was
  std::vector<std::string> applied;  // names of the fields that were set or removed
};

// What is wrong with the writes themselves: {"name": {"value": any JSON, "ts": Unix ms}, …}, of
// which none may be later than `latest_ms`. A value of null removes the field.
Status check_field_writes(const JsonNode& writes, std::int64_t latest_ms);

// `body` is a document's, last changed at `updated_at_ms`; or empty where there is none. Two writes
// of the same time are ordered by their values' texts, a removal before all.
Result<FieldMerge> merge_fields(std::string_view body, std::int64_t updated_at_ms,
                                const JsonNode& writes);

}  // namespace kimdb::engine
