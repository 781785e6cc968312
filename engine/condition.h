// A condition of a filter (engine/filter.h) as it is evaluated.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <vector>

#include "engine/field_path.h"
#include "engine/json_reader.h"

namespace kimdb::engine {

enum class ConditionOp {
  all_of,   // its children
  any_of,   //
  none_of,  //
  equals,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  in,
  exists,
  regex,
  size,
  item_matches,  // an item of the array that is a document for which the child holds
  item_is,       // an item of the array, whatever it is, that the child holds for
};

struct Condition {
  ConditionOp op = ConditionOp::all_of;
  FieldPath path;     // none: of the value itself, in $elemMatch
  JsonElement value;  // of the filter's own parser
  std::vector<Condition> children;
  std::vector<std::shared_ptr<const re2::RE2>> patterns;  // of regex one, of in any number
};

// Of a document; an array counts as one whose names are its indexes.
bool holds(const Condition& condition, const JsonElement& document);

}  // namespace kimdb::engine
