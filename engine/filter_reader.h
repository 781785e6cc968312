// JSON to the conditions of a filter (engine/filter.h).
#pragma once

#include "base/result.h"
#include "engine/condition.h"

namespace kimdb::engine {

// All conditions of the object; values of the filter's own reader. An error says what is wrong: an
// operator that is unknown, or that stands somewhere else than it may, takes no part silently.
Result<Condition> read_conditions(const JsonElement& filter);

}  // namespace kimdb::engine
