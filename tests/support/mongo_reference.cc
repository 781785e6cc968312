#include "tests/support/mongo_reference.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"

namespace kimdb::support {

namespace {

using engine::JsonKind;
using engine::JsonMember;
using engine::JsonNode;

// --- values among each other ---

// A text with a point or an exponent stands for the nearest double.
long double number_of(const JsonNode& node) {
  const std::string text(node.text);
  return text.find_first_of(".eE") == std::string::npos
             ? std::strtold(text.c_str(), nullptr)
             : static_cast<long double>(std::strtod(text.c_str(), nullptr));
}

bool same(const JsonNode& a, const JsonNode& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case JsonKind::number:
      return number_of(a) == number_of(b);
    case JsonKind::string:
      return engine::decode_json_string(a.text) == engine::decode_json_string(b.text);
    case JsonKind::array:
      return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same);
    case JsonKind::object:
      return a.members.size() == b.members.size() &&
             std::all_of(a.members.begin(), a.members.end(), [&](const JsonMember& member) {
               const JsonMember* other = b.find(member.name);
               return other != nullptr && same(member.value, other->value);
             });
    default:
      return a.text == b.text;
  }
}

// -1, 0, 1; 2 where they are of different types, and cannot be compared.
int order(const JsonNode& a, const JsonNode& b) {
  if (a.kind != b.kind) return 2;
  if (a.kind == JsonKind::number) {
    const long double x = number_of(a), y = number_of(b);
    return x < y ? -1 : x > y;
  }
  if (a.kind == JsonKind::string) {
    const int sign = engine::decode_json_string(a.text).compare(engine::decode_json_string(b.text));
    return sign < 0 ? -1 : sign > 0;
  }
  return a.text == b.text ? 0 : a.text == "false" ? -1 : 1;
}

// --- what a path leads to ---

struct Reached {
  const JsonNode* value = nullptr;  // null: nothing
  bool picked = false;              // by a number
};
using Path = std::vector<std::string>;
using AllReached = std::vector<Reached>;

Path split(const std::string& path) {
  Path names(1);
  for (const char c : path) {
    if (c == '.')
      names.emplace_back();
    else
      names.back() += c;
  }
  return names;
}

Path rest(const Path& path) { return {path.begin() + 1, path.end()}; }

AllReached reached_from(const JsonNode& node, const Path& path, bool picked);

AllReached reached_in_object(const JsonNode& object, const Path& path) {
  const JsonMember* member = object.find(path[0]);
  return member == nullptr ? AllReached{{}} : reached_from(member->value, rest(path), false);
}

AllReached reached_from(const JsonNode& node, const Path& path, bool picked) {
  if (path.empty()) return {{&node, picked}};
  if (node.kind == JsonKind::object) return reached_in_object(node, path);
  AllReached all;
  if (node.kind != JsonKind::array) {
    if (!picked) all.emplace_back();
    return all;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const auto add = [&](const AllReached& more) {
      all.insert(all.end(), more.begin(), more.end());
    };
    if (node.items[i].kind == JsonKind::object) add(reached_in_object(node.items[i], path));
    if (path[0] == std::to_string(i)) add(reached_from(node.items[i], rest(path), true));
  }
  return all;
}

AllReached reached_in_document(const JsonNode& document, const Path& path) {
  if (document.kind == JsonKind::object) return reached_in_object(document, path);
  // An array as an object with its indexes as names.
  for (std::size_t i = 0; i < document.items.size(); ++i)
    if (path[0] == std::to_string(i)) return reached_from(document.items[i], rest(path), false);
  return {{}};
}

// --- conditions ---

bool has_operators(const JsonNode& node) {
  return !node.members.empty() && node.members[0].name.starts_with('$');
}

bool is_pattern(const JsonNode& node) { return node.find("$regex") != nullptr; }

bool matches_pattern(const JsonNode* value, const JsonNode& operators) {
  if (value == nullptr || value->kind != JsonKind::string) return false;
  std::string pattern = engine::decode_json_string(operators.find("$regex")->value.text);
  if (const JsonMember* options = operators.find("$options"))
    pattern = "(?" + engine::decode_json_string(options->value.text) + ")" + pattern;
  return re2::RE2::PartialMatch(engine::decode_json_string(value->text), pattern);
}

bool equals(const JsonNode* value, const JsonNode& wanted) {
  return value == nullptr ? wanted.kind == JsonKind::null : same(*value, wanted);
}

bool holds_for_value(const JsonMember& condition, const JsonNode& operators, const JsonNode* value);

// All operators, of one value alone.
bool all_hold_for_value(const JsonNode& operators, const JsonNode* value) {
  return std::all_of(
      operators.members.begin(), operators.members.end(),
      [&](const JsonMember& each) { return holds_for_value(each, operators, value); });
}

// One operator, of one value alone; null: of nothing.
bool holds_for_value(const JsonMember& condition, const JsonNode& operators,
                     const JsonNode* value) {
  const std::string& name = condition.name;
  const JsonNode& wanted = condition.value;
  const auto is_one_of = [&] {
    return std::any_of(wanted.items.begin(), wanted.items.end(), [&](const JsonNode& item) {
      return is_pattern(item) ? matches_pattern(value, item) : equals(value, item);
    });
  };
  const auto compares = [&](auto&& fits) {
    const int sign = value == nullptr ? 2 : order(*value, wanted);
    return sign != 2 && fits(sign);
  };
  if (name == "$eq") return equals(value, wanted);
  if (name == "$ne") return !equals(value, wanted);
  if (name == "$in") return is_one_of();
  if (name == "$nin") return !is_one_of();
  if (name == "$lt") return compares([](int sign) { return sign < 0; });
  if (name == "$lte") return compares([](int sign) { return sign <= 0; });
  if (name == "$gt") return compares([](int sign) { return sign > 0; });
  if (name == "$gte") return compares([](int sign) { return sign >= 0; });
  if (name == "$exists") return (value != nullptr) == (wanted.text == "true");
  if (name == "$regex") return matches_pattern(value, operators);
  if (name == "$options") return true;
  if (name == "$not") return !all_hold_for_value(wanted, value);
  if (name == "$all")
    return !wanted.items.empty() &&
           std::all_of(wanted.items.begin(), wanted.items.end(), [&](const JsonNode& item) {
             if (item.find("$elemMatch") != nullptr) return all_hold_for_value(item, value);
             return is_pattern(item) ? matches_pattern(value, item) : equals(value, item);
           });
  if (value == nullptr || value->kind != JsonKind::array) return false;
  if (name == "$size") return static_cast<long double>(value->items.size()) == number_of(wanted);
  KIMDB_CHECK(name == "$elemMatch");
  const bool of_values = has_operators(wanted) && wanted.members[0].name != "$and" &&
                         wanted.members[0].name != "$or" && wanted.members[0].name != "$nor";
  return std::any_of(value->items.begin(), value->items.end(), [&](const JsonNode& item) {
    if (of_values) return all_hold_for_value(wanted, &item);
    const bool is_document = item.kind == JsonKind::object || item.kind == JsonKind::array;
    return is_document && mongo_matches(wanted, item);
  });
}

// One operator, of all that the field's path leads to.
bool holds_for_field(const JsonMember& condition, const JsonNode& operators,
                     const AllReached& reached) {
  const std::string& name = condition.name;
  // One operator by another name, of all of these.
  const auto holds_as = [&](const char* other, const JsonNode& wanted) {
    const JsonMember renamed{.name = other, .written_name = {}, .value = wanted};
    return holds_for_field(renamed, operators, reached);
  };
  if (name == "$ne") return !holds_as("$eq", condition.value);
  if (name == "$nin") return !holds_as("$in", condition.value);
  if (name == "$exists")
    return std::any_of(reached.begin(), reached.end(), [](const Reached& each) {
             return each.value != nullptr;
           }) == (condition.value.text == "true");
  if (name == "$not")
    return !std::all_of(
        condition.value.members.begin(), condition.value.members.end(),
        [&](const JsonMember& each) { return holds_for_field(each, condition.value, reached); });
  // Each of the values may be another item's.
  if (name == "$all")
    return !condition.value.items.empty() &&
           std::all_of(condition.value.items.begin(), condition.value.items.end(),
                       [&](const JsonNode& item) {
                         if (const JsonMember* match = item.find("$elemMatch"))
                           return holds_as("$elemMatch", match->value);
                         const JsonMember in{
                             .name = "$in",
                             .written_name = {},
                             .value = {.kind = JsonKind::array, .items = {item}, .members = {}}};
                         return holds_for_field(in, operators, reached);
                       });
  const bool of_arrays = name == "$size" || name == "$elemMatch";
  return std::any_of(reached.begin(), reached.end(), [&](const Reached& each) {
    if (holds_for_value(condition, operators, each.value)) return true;
    if (of_arrays || each.picked || each.value == nullptr) return false;
    return std::any_of(
        each.value->items.begin(), each.value->items.end(),
        [&](const JsonNode& item) { return holds_for_value(condition, operators, &item); });
  });
}

}  // namespace

bool mongo_matches(const JsonNode& filter, const JsonNode& document) {
  return std::all_of(filter.members.begin(), filter.members.end(), [&](const JsonMember& member) {
    const auto any = [&](bool wanted) {
      return std::any_of(
          member.value.items.begin(), member.value.items.end(),
          [&](const JsonNode& part) { return mongo_matches(part, document) == wanted; });
    };
    if (member.name == "$and") return !any(false);
    if (member.name == "$or") return any(true);
    if (member.name == "$nor") return !any(true);
    const AllReached reached = reached_in_document(document, split(member.name));
    if (!has_operators(member.value))
      return holds_for_field({.name = "$eq", .written_name = {}, .value = member.value},
                             member.value, reached);
    return std::all_of(
        member.value.members.begin(), member.value.members.end(),
        [&](const JsonMember& each) { return holds_for_field(each, member.value, reached); });
  });
}

bool mongo_matches(std::string_view filter, std::string_view document) {
  const auto conditions = engine::parse_json_tree(filter);
  const auto tree = engine::parse_json_tree(document);
  KIMDB_CHECK(conditions.has_value() && tree.has_value());
  return mongo_matches(*conditions, *tree);
}

}  // namespace kimdb::support
