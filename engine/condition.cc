#include "engine/condition.h"

#include <algorithm>
#include <cstdint>

#include "engine/json_order.h"

namespace kimdb::engine {

namespace {

using simdjson::dom::array;
using Op = ConditionOp;

bool compares(Op op, const JsonElement& found, const JsonElement& value) {
  if (rank_of(found) != rank_of(value)) return false;
  const int order = compare(found, value);
  switch (op) {
    case Op::less:
      return order < 0;
    case Op::less_or_equal:
      return order <= 0;
    case Op::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

bool matches_pattern(const Condition& condition, const JsonElement& found) {
  return found.is_string() &&
         std::any_of(condition.patterns.begin(), condition.patterns.end(), [&](const auto& each) {
           return re2::RE2::PartialMatch(re2::StringPiece(found.get_c_str().value_unsafe(),
                                                          found.get_string_length().value_unsafe()),
                                         *each);
         });
}

// Of one value, the items of an array not looked at but where the condition is about them.
bool holds_for(const Condition& condition, const JsonElement& found) {
  const auto child_holds = [&](const Condition& child) { return holds_for(child, found); };
  const auto& children = condition.children;
  switch (condition.op) {
    case Op::all_of:
      return std::all_of(children.begin(), children.end(), child_holds);
    case Op::any_of:
      return std::any_of(children.begin(), children.end(), child_holds);
    case Op::none_of:
      return std::none_of(children.begin(), children.end(), child_holds);
    case Op::equals:
      return same(found, condition.value);
    case Op::in:
      return std::any_of(array(condition.value).begin(), array(condition.value).end(),
                         [&](const JsonElement& value) { return same(found, value); }) ||
             matches_pattern(condition, found);
    case Op::exists:
      return condition.value.get_bool().value_unsafe();
    case Op::regex:
      return matches_pattern(condition, found);
    case Op::size:
      return found.is_array() && static_cast<std::int64_t>(array(found).size()) ==
                                     condition.value.get_int64().value_unsafe();
    case Op::item_matches:
      return found.is_array() &&
             std::any_of(array(found).begin(), array(found).end(), [&](const JsonElement& item) {
               return (item.is_object() || item.is_array()) && holds(children[0], item);
             });
    case Op::item_is:
      return found.is_array() &&
             std::any_of(array(found).begin(), array(found).end(),
                         [&](const JsonElement& item) { return holds_for(children[0], item); });
    default:
      return compares(condition.op, found, condition.value);
  }
}

// Of what is not there, which counts as null.
bool holds_for_nothing(const Condition& condition) {
  switch (condition.op) {
    case Op::equals:
      return condition.value.is_null();
    case Op::in:
      return std::any_of(array(condition.value).begin(), array(condition.value).end(),
                         [](const JsonElement& value) { return value.is_null(); });
    default:
      return false;
  }
}

// Whether the path leads to a value that the condition holds for.
bool holds_for_any(const Condition& condition, const JsonElement& document) {
  const bool looks_at_items =
      condition.op != Op::size && condition.op != Op::item_matches && condition.op != Op::item_is;
  return any_value(document, condition.path, [&](FoundAs as, const JsonElement& found) {
    if (as == FoundAs::nothing) return holds_for_nothing(condition);
    if (holds_for(condition, found)) return true;
    return looks_at_items && as == FoundAs::member && found.is_array() &&
           std::any_of(array(found).begin(), array(found).end(),
                       [&](const JsonElement& item) { return holds_for(condition, item); });
  });
}

bool is_there(const Condition& condition, const JsonElement& document) {
  return any_value(document, condition.path,
                   [](FoundAs as, const JsonElement&) { return as != FoundAs::nothing; });
}

}  // namespace

bool holds(const Condition& condition, const JsonElement& document) {
  const auto child_holds = [&](const Condition& child) { return holds(child, document); };
  const auto& children = condition.children;
  switch (condition.op) {
    case Op::all_of:
      return std::all_of(children.begin(), children.end(), child_holds);
    case Op::any_of:
      return std::any_of(children.begin(), children.end(), child_holds);
    case Op::none_of:
      return std::none_of(children.begin(), children.end(), child_holds);
    case Op::exists:
      return is_there(condition, document) == condition.value.get_bool().value_unsafe();
    default:
      return holds_for_any(condition, document);
  }
}

}  // namespace kimdb::engine
