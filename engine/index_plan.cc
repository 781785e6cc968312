#include "engine/index_plan.h"

#include <algorithm>
#include <utility>

#include "engine/ordered_bytes.h"

namespace kimdb::engine {

namespace {

using Op = RequiredCondition::Op;

// A list of values in $in may make so many ranges.
constexpr std::size_t kRangesMax = 1000;

std::string inverted(std::string key) {
  for (char& c : key) c = static_cast<char>(~c);
  return key;
}

std::string part_of(const JsonElement& value, bool descending) {
  std::string part;
  append_key_part(part, value, descending);
  return part;
}

// Arrays and objects may be equal and written differently, which keys do not see; an object in $in
// may be a pattern.
bool is_plain(const JsonElement& value) { return !value.is_array() && !value.is_object(); }

// The values that the field has to be equal to; nothing where there is no such condition.
std::optional<std::vector<JsonElement>> equal_values(
    const SortField& field, const std::vector<RequiredCondition>& conditions) {
  for (const RequiredCondition& condition : conditions) {
    if (*condition.path != field.path) continue;
    if (condition.op == Op::equals && is_plain(condition.value)) return {{condition.value}};
    if (condition.op != Op::in) continue;
    std::vector<JsonElement> values;
    bool plain = true;
    for (const JsonElement value : simdjson::dom::array(condition.value)) {
      plain = plain && is_plain(value);
      values.push_back(value);
    }
    if (plain) return values;
  }
  return std::nullopt;
}

// The bounds of a field: of one kind of values, since only these can be compared.
struct Bounds {
  std::string begin;
  std::string end;
};

Bounds bounds_of(const RequiredCondition& condition) {
  const std::string part = part_of(condition.value, false);
  const bool is_bool = condition.value.is_bool();
  // All values of the kind: false and true have a tag each.
  Bounds bounds{is_bool ? "\x60" : part.substr(0, 1),
                is_bool ? "\x62" : behind_all(part.substr(0, 1))};
  switch (condition.op) {
    case Op::less:
      bounds.end = part;
      break;
    case Op::less_or_equal:
      bounds.end = behind_all(part);
      break;
    case Op::greater:
      bounds.begin = behind_all(part);
      break;
    default:
      bounds.begin = part;
      break;
  }
  return bounds;
}

Bounds descending(const Bounds& bounds) {
  return {inverted(bounds.end), behind_all(inverted(bounds.begin))};
}

// What one field's comparisons leave: all of them together, and the first alone.
struct FieldBounds {
  Bounds all;
  Bounds first;
};
std::optional<FieldBounds> comparison(const SortField& field,
                                      const std::vector<RequiredCondition>& conditions) {
  std::optional<FieldBounds> found;
  for (const RequiredCondition& condition : conditions) {
    if (*condition.path != field.path || condition.op == Op::equals || condition.op == Op::in)
      continue;
    const Bounds bounds = bounds_of(condition);
    if (!found) {
      found = {bounds, bounds};
    } else {
      found->all.begin = std::max(found->all.begin, bounds.begin);
      found->all.end = std::min(found->all.end, bounds.end);
    }
  }
  if (!found || !field.descending) return found;
  // Where nothing is left the bounds cross, inverted as well.
  return FieldBounds{descending(found->all), descending(found->first)};
}

void sort_ranges(std::vector<KeyRange>& ranges) {
  std::erase_if(
      ranges, [](const KeyRange& range) { return !range.end.empty() && range.end <= range.begin; });
  std::sort(ranges.begin(), ranges.end(),
            [](const KeyRange& a, const KeyRange& b) { return a.begin < b.begin; });
  // $in may name a value twice.
  ranges.erase(std::unique(ranges.begin(), ranges.end(),
                           [](const KeyRange& a, const KeyRange& b) { return a.begin == b.begin; }),
               ranges.end());
}

// Whether the index's fields from `from` on begin with what is asked for, and whether reversed.
std::optional<bool> sorts(const IndexDefinition& index, std::size_t from, const SortOrder& order) {
  if (index.hash || order.size() > index.order.size() - from) return std::nullopt;
  std::optional<bool> reversed;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const SortField& field = index.order[from + i];
    if (field.path != order[i].path) return std::nullopt;
    const bool reverses = field.descending != order[i].descending;
    if (reversed && *reversed != reverses) return std::nullopt;
    reversed = reverses;
  }
  return reversed;
}

IndexPlan plan_of(const IndexPointer& pointer, const std::vector<RequiredCondition>& conditions,
                  const std::optional<SortOrder>& order) {
  IndexPlan plan{.index = pointer};
  const IndexDefinition* index = &pointer->definition();
  std::vector<std::string> prefixes(1);
  for (const SortField& field : index->order) {
    const auto values = equal_values(field, conditions);
    if (!values || prefixes.size() * values->size() > kRangesMax) break;
    std::vector<std::string> longer;
    for (const std::string& prefix : prefixes)
      for (const JsonElement& value : *values)
        longer.push_back(prefix + part_of(value, field.descending));
    prefixes = std::move(longer);
    ++plan.equal_fields;
  }
  const bool all_equal = plan.equal_fields == index->order.size();
  const auto bounds =
      all_equal ? std::nullopt : comparison(index->order[plan.equal_fields], conditions);
  plan.has_range = bounds.has_value();
  for (const std::string& prefix : prefixes) {
    if (index->hash || !bounds) {
      const std::string key = finish_index_key(*index, prefix);
      plan.ranges.push_back({key, key.empty() ? std::string() : behind_all(key)});
      plan.ranges_of_many.push_back(plan.ranges.back());
      continue;
    }
    plan.ranges.push_back({prefix + bounds->all.begin, prefix + bounds->all.end});
    plan.ranges_of_many.push_back({prefix + bounds->first.begin, prefix + bounds->first.end});
  }
  sort_ranges(plan.ranges);
  sort_ranges(plan.ranges_of_many);
  // Several ranges, one behind the other, are in no order of what follows their prefixes.
  if (order && prefixes.size() == 1) {
    const auto reversed = sorts(*index, plan.equal_fields, *order);
    plan.sorted = reversed.has_value();
    plan.reversed = reversed.value_or(false);
  }
  return plan;
}

}  // namespace

std::optional<IndexPlan> plan_by_index(const IndexList& indexes, const Filter& filter,
                                       const std::optional<SortOrder>& order) {
  const std::vector<RequiredCondition> conditions = filter.required();
  std::optional<IndexPlan> best;
  // Without statistics: the more is known to be equal the better, then bounds, then the order.
  const auto worth = [](const IndexPlan& plan) {
    return 4 * plan.equal_fields + (plan.has_range ? 2 : 0) + (plan.sorted ? 1 : 0);
  };
  for (const IndexPointer& index : indexes) {
    if (!index->complete() || index->refused_some()) continue;
    IndexPlan plan = plan_of(index, conditions, order);
    const IndexDefinition& definition = index->definition();
    if (definition.hash && plan.equal_fields != definition.order.size()) continue;
    if (worth(plan) == 0) continue;
    if (!best || worth(plan) > worth(*best)) best = std::move(plan);
  }
  return best;
}

}  // namespace kimdb::engine
