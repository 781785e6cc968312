#include "engine/filter_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/json_order.h"

namespace kimdb::engine {

namespace {

using simdjson::dom::object;
using Array = simdjson::dom::array;
using Op = ConditionOp;

constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kConditionsMax = 1000;
constexpr std::size_t kPatternsMax = 16;
constexpr std::int64_t kPatternBytesMax = 1 << 20;  // of memory, for each

constexpr std::array<std::pair<std::string_view, Op>, 3> kLogical = {
    {{"$and", Op::all_of}, {"$or", Op::any_of}, {"$nor", Op::none_of}}};
constexpr std::array<std::pair<std::string_view, Op>, 4> kComparisons = {
    {{"$lt", Op::less},
     {"$lte", Op::less_or_equal},
     {"$gt", Op::greater},
     {"$gte", Op::greater_or_equal}}};
constexpr std::array<std::string_view, 15> kOfFields = {
    "$eq",     "$ne",    "$in",      "$nin", "$lt",   "$lte",       "$gt", "$gte",
    "$exists", "$regex", "$options", "$all", "$size", "$elemMatch", "$not"};

Error refused(std::string why) { return {ErrorCode::invalid_argument, std::move(why)}; }
Error unknown(std::string_view name) { return refused("unknown operator " + std::string(name)); }

template <std::size_t size>
std::optional<Op> find_op(const std::array<std::pair<std::string_view, Op>, size>& among,
                          std::string_view name) {
  for (const auto& [known, op] : among)
    if (known == name) return op;
  return std::nullopt;
}

bool is_operator(std::string_view name) { return name.starts_with('$'); }
std::string_view first_name(const JsonElement& value) {
  return value.is_object() && object(value).size() > 0 ? (*object(value).begin()).key
                                                       : std::string_view();
}
bool has_operators(const JsonElement& value) { return is_operator(first_name(value)); }

std::optional<std::string_view> operator_within(const JsonElement& value) {
  if (value.is_array())
    for (const JsonElement item : Array(value))
      if (const auto found = operator_within(item)) return found;
  if (value.is_object())
    for (const auto member : object(value)) {
      if (is_operator(member.key)) return member.key;
      if (const auto found = operator_within(member.value)) return found;
    }
  return std::nullopt;
}

// What is compared has no operator in it, however deep: it would be a name like any other, and the
// comparison not what it looks like.
Status check_value(std::string_view whose, const JsonElement& value) {
  const auto found = operator_within(value);
  if (!found) return {};
  return refused(std::string(whose) + " is compared with a value, and " + std::string(*found) +
                 " in a value does nothing: of a field within it say {\"a.b\": {\"" +
                 std::string(*found) + "\": …}}");
}

// Who says a name twice means both, or has made a mistake; MongoDB's clients send the last one.
Status check_names(const JsonElement& members) {
  std::vector<std::string_view> names;
  for (const auto member : object(members)) names.push_back(member.key);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return {};
  return refused("\"" + std::string(*twice) + "\" is there twice in one object: use $and");
}

Condition negated(Condition condition) {
  Condition none{.op = Op::none_of};
  none.children.push_back(std::move(condition));
  return none;
}

class Reader {
 public:
  Result<Condition> conditions(const JsonElement& filter, std::size_t depth) {
    if (!filter.is_object()) return refused("a filter is a JSON object");
    if (depth > kDepthMax) return refused("the filter nests too deep");
    if (auto checked = check_names(filter); !checked) return checked.error();
    Condition all{.op = Op::all_of};
    for (const auto member : object(filter)) {
      if (++conditions_ > kConditionsMax) return refused("the filter has too many conditions");
      auto condition = is_operator(member.key) ? logical(member.key, member.value, depth)
                                               : field(member.key, member.value, depth);
      if (!condition) return std::move(condition).error();
      all.children.push_back(std::move(*condition));
    }
    return all;
  }

 private:
  Result<Condition> logical(std::string_view name, const JsonElement& value, std::size_t depth) {
    const auto op = find_op(kLogical, name);
    if (!op && std::find(kOfFields.begin(), kOfFields.end(), name) != kOfFields.end())
      return refused(std::string(name) + " stands in the conditions of a field: {\"age\": {\"" +
                     std::string(name) + "\": …}}");
    if (!op) return unknown(name);
    if (!value.is_array() || Array(value).size() == 0)
      return refused(std::string(name) + " takes an array of filters");
    Condition condition{.op = *op};
    for (const JsonElement filter : Array(value)) {
      auto child = conditions(filter, depth + 1);
      if (!child) return std::move(child).error();
      condition.children.push_back(std::move(*child));
    }
    return condition;
  }

  Result<Condition> field(std::string_view name, const JsonElement& value, std::size_t depth) {
    FieldPath path = parse_field_path(name);
    if (has_operators(value)) return operators(path, value, depth);
    return equals(path, "the field \"" + std::string(name) + "\"", value);
  }

  static Result<Condition> equals(FieldPath path, std::string_view whose,
                                  const JsonElement& value) {
    if (auto checked = check_value(whose, value); !checked) return checked.error();
    return Condition{.op = Op::equals, .path = std::move(path), .value = value};
  }

  // {"$gte": 1, "$lt": 5}
  Result<Condition> operators(const FieldPath& path, const JsonElement& value, std::size_t depth) {
    if (depth > kDepthMax) return refused("the filter nests too deep");
    if (auto checked = check_names(value); !checked) return checked.error();
    Condition all{.op = Op::all_of};
    for (const auto member : object(value)) {
      if (++conditions_ > kConditionsMax) return refused("the filter has too many conditions");
      if (!is_operator(member.key))
        return refused("\"" + std::string(member.key) +
                       "\" stands among operators: an object is a value, or operators only");
      if (member.key == "$options") {
        if (value["$regex"].error() != simdjson::SUCCESS)
          return refused("$options stands beside $regex");
        continue;
      }
      auto condition =
          member.key == "$regex" ? regex(path, value) : one(path, member.key, member.value, depth);
      if (!condition) return std::move(condition).error();
      all.children.push_back(std::move(*condition));
    }
    return all;
  }

  Result<Condition> one(const FieldPath& path, std::string_view name, const JsonElement& value,
                        std::size_t depth) {
    if (const auto op = find_op(kComparisons, name)) {
      const Rank rank = rank_of(value);
      if (rank != Rank::number && rank != Rank::string && rank != Rank::boolean)
        return refused(std::string(name) + " takes a number, a string or a boolean");
      return Condition{.op = *op, .path = path, .value = value};
    }
    if (name == "$eq") return equals(path, name, value);
    if (name == "$ne") {
      auto condition = equals(path, name, value);
      return condition ? negated(std::move(*condition)) : std::move(condition);
    }
    if (name == "$in") return in(path, name, value);
    if (name == "$nin") {
      auto condition = in(path, name, value);
      return condition ? negated(std::move(*condition)) : std::move(condition);
    }
    if (name == "$exists") {
      if (!value.is_bool()) return refused("$exists takes true or false");
      return Condition{.op = Op::exists, .path = path, .value = value};
    }
    if (name == "$size") {
      if (!value.is_int64() || value.get_int64().value_unsafe() < 0)
        return refused("$size takes a whole number from 0");
      return Condition{.op = Op::size, .path = path, .value = value};
    }
    if (name == "$all") return all(path, value, depth);
    if (name == "$elemMatch") return elem_match(path, value, depth);
    if (name == "$not") {
      if (!has_operators(value)) return refused("$not takes an object of operators");
      auto child = operators(path, value, depth + 1);
      return child ? negated(std::move(*child)) : std::move(child);
    }
    if (find_op(kLogical, name))
      return refused(std::string(name) + " stands beside fields, not in the conditions of one");
    return unknown(name);
  }

  // Of values, and of patterns.
  Result<Condition> in(const FieldPath& path, std::string_view name, const JsonElement& value) {
    if (!value.is_array()) return refused(std::string(name) + " takes an array");
    Condition condition{.op = Op::in, .path = path, .value = value};
    for (const JsonElement item : Array(value)) {
      if (is_pattern(item)) {
        auto child = lone_regex(path, item);
        if (!child) return child;
        condition.patterns.push_back(std::move(child->patterns[0]));
      } else if (auto checked = check_value("an item of " + std::string(name), item); !checked) {
        return checked.error();
      }
    }
    return condition;
  }

  // Of values and patterns, or of $elemMatch alone.
  Result<Condition> all(const FieldPath& path, const JsonElement& value, std::size_t depth) {
    if (!value.is_array()) return refused("$all takes an array");
    // Nothing has all of none.
    Condition condition{.op = Array(value).size() == 0 ? Op::any_of : Op::all_of};
    const auto matches_items = [](const JsonElement& item) {
      return first_name(item) == "$elemMatch" && object(item).size() == 1;
    };
    const auto count = std::count_if(Array(value).begin(), Array(value).end(), matches_items);
    if (count != 0 && static_cast<std::size_t>(count) != Array(value).size())
      return refused("$all takes either values or $elemMatch");
    for (const JsonElement item : Array(value)) {
      if (++conditions_ > kConditionsMax) return refused("the filter has too many conditions");
      auto child = count != 0         ? operators(path, item, depth + 1)
                   : is_pattern(item) ? lone_regex(path, item)
                                      : equals(path, "an item of $all", item);
      if (!child) return child;
      condition.children.push_back(std::move(*child));
    }
    return condition;
  }

  Result<Condition> elem_match(const FieldPath& path, const JsonElement& value, std::size_t depth) {
    if (!value.is_object()) return refused("$elemMatch takes an object");
    const bool of_values = has_operators(value) && !find_op(kLogical, first_name(value));
    auto child = of_values ? operators({}, value, depth + 1) : conditions(value, depth + 1);
    if (!child) return child;
    Condition condition{.op = of_values ? Op::item_is : Op::item_matches, .path = path};
    condition.children.push_back(std::move(*child));
    return condition;
  }

  // --- patterns: {"$regex": "^a", "$options": "i"} ---

  static bool is_pattern(const JsonElement& value) {
    return first_name(value) == "$regex" || first_name(value) == "$options";
  }

  // Among values.
  Result<Condition> lone_regex(const FieldPath& path, const JsonElement& value) {
    for (const auto member : object(value))
      if (member.key != "$regex" && member.key != "$options")
        return refused("\"" + std::string(member.key) + "\" stands beside $regex in a list");
    if (auto checked = check_names(value); !checked) return checked.error();
    return regex(path, value);
  }

  // Of operators among which there is $regex.
  Result<Condition> regex(const FieldPath& path, const JsonElement& operators) {
    if (++patterns_ > kPatternsMax) return refused("the filter has too many patterns");
    std::string_view pattern, flags;
    if (operators["$regex"].get(pattern) != simdjson::SUCCESS)
      return refused("$regex takes a string");
    if (JsonElement given; operators["$options"].get(given) == simdjson::SUCCESS &&
                           given.get(flags) != simdjson::SUCCESS)
      return refused("$options takes a string");
    if (flags.find_first_not_of("ims") != std::string_view::npos)
      return refused("$options takes letters of ims");
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(kPatternBytesMax);
    std::string text(pattern);
    if (!flags.empty()) text = "(?" + std::string(flags) + ")" + text;
    auto compiled = std::make_shared<const re2::RE2>(text, options);
    if (!compiled->ok()) return refused("$regex: " + compiled->error());
    Condition condition{.op = Op::regex, .path = path};
    condition.patterns.push_back(std::move(compiled));
    return condition;
  }

  std::size_t conditions_ = 0;
  std::size_t patterns_ = 0;
};

}  // namespace

Result<Condition> read_conditions(const JsonElement& filter) {
  return Reader().conditions(filter, 1);
}

}  // namespace kimdb::engine
