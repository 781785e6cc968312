// Which index serves a query, and which of its keys have to be looked at.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/filter.h"
#include "engine/index.h"
#include "engine/sort_key.h"

namespace kimdb::engine {

// Keys from `begin` on, and before `end` (empty: to the last one).
struct KeyRange {
  std::string begin;
  std::string end;
};

struct IndexPlan {
  IndexPointer index;
  // All documents that the filter matches stand under a key in one of these, which are sorted and
  // do not overlap. Both bounds of a field hold for one value, which is so only where no document
  // has several; `ranges_of_many` are for an index in which some do.
  std::vector<KeyRange> ranges;
  std::vector<KeyRange> ranges_of_many;
  std::size_t equal_fields = 0;
  bool has_range = false;
  // In the ranges, where no document has several values, the order of the keys is the order asked
  // for, or its reverse.
  bool sorted = false;
  bool reversed = false;
};

// Nothing where no index helps.
std::optional<IndexPlan> plan_by_index(const IndexList& indexes, const Filter& filter,
                                       const std::optional<SortOrder>& order);

}  // namespace kimdb::engine
