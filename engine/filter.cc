#include "engine/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace kimdb::engine {

namespace {

using simdjson::dom::array;
using simdjson::dom::element_type;
using simdjson::dom::object;

Error refused(std::string why) { return {ErrorCode::invalid_argument, std::move(why)}; }

// Classes of values that can be compared with each other, in their order.
enum class Rank { null, number, string, object, array, boolean };

Rank rank_of(const JsonElement& element) {
  switch (element.type()) {
    case element_type::NULL_VALUE:
      return Rank::null;
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return Rank::number;
    case element_type::STRING:
      return Rank::string;
    case element_type::OBJECT:
      return Rank::object;
    case element_type::ARRAY:
      return Rank::array;
    default:
      return Rank::boolean;
  }
}

template <class Number>
int sign_of(Number a, Number b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// A whole number with a double, exactly.
template <class Whole>
int compare_with_double(Whole whole, double number) {
  // Both bounds are doubles; between them the conversion of the double's whole part is exact.
  constexpr double kBelow = std::is_signed_v<Whole> ? -9223372036854775808.0 : 0.0;
  constexpr double kAbove =
      std::is_signed_v<Whole> ? 9223372036854775808.0 : 18446744073709551616.0;
  if (number < kBelow) return 1;
  if (number >= kAbove) return -1;
  const double floor = std::floor(number);
  const int order = sign_of(whole, static_cast<Whole>(floor));
  return order != 0 ? order : (number > floor ? -1 : 0);
}

int compare_numbers(const JsonElement& a, const JsonElement& b) {
  const element_type x = a.type(), y = b.type();
  // simdjson gives uint64 only to what int64 does not hold.
  if (x == element_type::DOUBLE && y == element_type::DOUBLE)
    return sign_of(a.get_double().value_unsafe(), b.get_double().value_unsafe());
  if (x == element_type::DOUBLE) return -compare_numbers(b, a);
  if (y == element_type::DOUBLE) {
    const double number = b.get_double().value_unsafe();
    return x == element_type::INT64 ? compare_with_double(a.get_int64().value_unsafe(), number)
                                    : compare_with_double(a.get_uint64().value_unsafe(), number);
  }
  if (x == element_type::INT64 && y == element_type::INT64)
    return sign_of(a.get_int64().value_unsafe(), b.get_int64().value_unsafe());
  if (x == element_type::UINT64 && y == element_type::UINT64)
    return sign_of(a.get_uint64().value_unsafe(), b.get_uint64().value_unsafe());
  return x == element_type::INT64 ? -1 : 1;
}

bool same(const JsonElement& a, const JsonElement& b) {
  const Rank rank = rank_of(a);
  if (rank != rank_of(b)) return false;
  if (rank == Rank::array) {
    const array x(a), y(b);
    return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), same);
  }
  if (rank == Rank::object) {
    const object x(a), y(b);
    if (x.size() != y.size()) return false;
    for (const auto member : x) {
      JsonElement other;
      if (y.at_key(member.key).get(other) != simdjson::SUCCESS || !same(member.value, other))
        return false;
    }
    return true;
  }
  return compare(a, b) == 0;
}

enum class Op {
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
  has_all,  // of the values
  size,
  elem_match,  // an item for which the child holds
};

struct Condition {
  Op op = Op::all_of;
  FieldPath path;     // none: of the value itself, in $elemMatch
  JsonElement value;  // of the filter's own parser
  std::vector<Condition> children;
  std::shared_ptr<const re2::RE2> pattern;
};

bool holds(const Condition& condition, const JsonElement& element);

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

// Of one value, the items of an array not looked at.
bool holds_for(const Condition& condition, const JsonElement& found) {
  switch (condition.op) {
    case Op::equals:
      return same(found, condition.value);
    case Op::in:
      return std::any_of(array(condition.value).begin(), array(condition.value).end(),
                         [&](const JsonElement& value) { return same(found, value); });
    case Op::regex:
      return found.is_string() &&
             re2::RE2::PartialMatch(re2::StringPiece(found.get_c_str().value_unsafe(),
                                                     found.get_string_length().value_unsafe()),
                                    *condition.pattern);
    case Op::size:
      return found.is_array() && static_cast<std::int64_t>(array(found).size()) ==
                                     condition.value.get_int64().value_unsafe();
    case Op::elem_match:
      return found.is_array() &&
             std::any_of(array(found).begin(), array(found).end(), [&](const JsonElement& item) {
               return holds(condition.children[0], item);
             });
    default:
      return compares(condition.op, found, condition.value);
  }
}

// Whether there is a value under the path that the condition holds for.
bool holds_for_any(const Condition& condition, const JsonElement& element) {
  const bool looks_at_items = condition.op != Op::size && condition.op != Op::elem_match;
  return any_value(element, condition.path, 0, [&](const JsonElement& found) {
    if (holds_for(condition, found)) return true;
    return looks_at_items && found.is_array() &&
           std::any_of(array(found).begin(), array(found).end(),
                       [&](const JsonElement& item) { return holds_for(condition, item); });
  });
}

bool is_there(const Condition& condition, const JsonElement& element) {
  return any_value(element, condition.path, 0, [](const JsonElement&) { return true; });
}

bool has_null(const JsonElement& list) {
  return std::any_of(array(list).begin(), array(list).end(),
                     [](const JsonElement& value) { return value.is_null(); });
}

bool holds(const Condition& condition, const JsonElement& element) {
  const auto child_holds = [&](const Condition& child) { return holds(child, element); };
  const auto& children = condition.children;
  switch (condition.op) {
    case Op::all_of:
    case Op::has_all:
      return std::all_of(children.begin(), children.end(), child_holds);
    case Op::any_of:
      return std::any_of(children.begin(), children.end(), child_holds);
    case Op::none_of:
      return std::none_of(children.begin(), children.end(), child_holds);
    case Op::exists:
      return is_there(condition, element) == condition.value.get_bool().value_unsafe();
    case Op::equals:
      // What is not there counts as null.
      if (condition.value.is_null() && !is_there(condition, element)) return true;
      return holds_for_any(condition, element);
    case Op::in:
      if (has_null(condition.value) && !is_there(condition, element)) return true;
      return holds_for_any(condition, element);
    default:
      return holds_for_any(condition, element);
  }
}

// --- reading a filter ---

constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kConditionsMax = 1000;
constexpr std::size_t kPatternsMax = 16;
constexpr std::int64_t kPatternBytesMax = 1 << 20;  // of memory, for each

class Reader {
 public:
  // All conditions of an object.
  Result<Condition> conditions(const JsonElement& filter, std::size_t depth) {
    if (!filter.is_object()) return refused("a filter is a JSON object");
    if (depth > kDepthMax) return refused("the filter nests too deep");
    Condition all{.op = Op::all_of};
    for (const auto member : object(filter)) {
      if (++conditions_ > kConditionsMax) return refused("the filter has too many conditions");
      auto condition = member.key.starts_with('$') ? logical(member.key, member.value, depth)
                                                   : field(member.key, member.value, depth);
      if (!condition) return std::move(condition).error();
      all.children.push_back(std::move(*condition));
    }
    return all;
  }

 private:
  Result<Condition> logical(std::string_view name, const JsonElement& value, std::size_t depth) {
    Condition condition;
    if (name == "$and") {
      condition.op = Op::all_of;
    } else if (name == "$or") {
      condition.op = Op::any_of;
    } else if (name == "$nor") {
      condition.op = Op::none_of;
    } else {
      return refused("unknown operator " + std::string(name));
    }
    if (!value.is_array() || array(value).size() == 0)
      return refused(std::string(name) + " takes an array of filters");
    for (const JsonElement filter : array(value)) {
      auto child = conditions(filter, depth + 1);
      if (!child) return std::move(child).error();
      condition.children.push_back(std::move(*child));
    }
    return condition;
  }

  static bool has_operators(const JsonElement& value) {
    return value.is_object() && object(value).size() > 0 &&
           (*object(value).begin()).key.starts_with('$');
  }

  Result<Condition> field(std::string_view name, const JsonElement& value, std::size_t depth) {
    FieldPath path = parse_field_path(name);
    if (has_operators(value)) return operators(path, value, depth);
    return Condition{.op = Op::equals, .path = std::move(path), .value = value};
  }

  // {"$gte": 1, "$lt": 5}
  Result<Condition> operators(const FieldPath& path, const JsonElement& value, std::size_t depth) {
    if (depth > kDepthMax) return refused("the filter nests too deep");
    Condition all{.op = Op::all_of};
    for (const auto member : object(value)) {
      if (++conditions_ > kConditionsMax) return refused("the filter has too many conditions");
      if (member.key == "$options") continue;  // of $regex
      auto condition =
          member.key == "$regex" ? regex(path, value) : one(path, member.key, member.value, depth);
      if (!condition) return std::move(condition).error();
      all.children.push_back(std::move(*condition));
    }
    return all;
  }

  static Condition negated(Condition condition) {
    Condition none{.op = Op::none_of};
    none.children.push_back(std::move(condition));
    return none;
  }

  Result<Condition> one(const FieldPath& path, std::string_view name, const JsonElement& value,
                        std::size_t depth) {
    Condition condition{.path = path, .value = value};
    if (name == "$eq" || name == "$ne") {
      condition.op = Op::equals;
      return name == "$eq" ? std::move(condition) : negated(std::move(condition));
    }
    if (name == "$in" || name == "$nin") {
      if (!value.is_array()) return refused(std::string(name) + " takes an array");
      condition.op = Op::in;
      return name == "$in" ? std::move(condition) : negated(std::move(condition));
    }
    constexpr std::pair<std::string_view, Op> kComparisons[] = {{"$lt", Op::less},
                                                                {"$lte", Op::less_or_equal},
                                                                {"$gt", Op::greater},
                                                                {"$gte", Op::greater_or_equal}};
    for (const auto& [known, op] : kComparisons) {
      if (name != known) continue;
      const Rank rank = rank_of(value);
      if (rank != Rank::number && rank != Rank::string && rank != Rank::boolean)
        return refused(std::string(name) + " takes a number, a string or a boolean");
      condition.op = op;
      return condition;
    }
    if (name == "$exists") {
      if (!value.is_bool()) return refused("$exists takes true or false");
      condition.op = Op::exists;
      return condition;
    }
    if (name == "$size") {
      if (!value.is_int64() || value.get_int64().value_unsafe() < 0)
        return refused("$size takes a whole number from 0");
      condition.op = Op::size;
      return condition;
    }
    if (name == "$all") return has_all(path, value);
    if (name == "$not") {
      if (!has_operators(value)) return refused("$not takes an object of operators");
      auto child = operators(path, value, depth + 1);
      if (!child) return child;
      return negated(std::move(*child));
    }
    if (name == "$elemMatch") return elem_match(path, value, depth);
    return refused("unknown operator " + std::string(name));
  }

  static Result<Condition> has_all(const FieldPath& path, const JsonElement& value) {
    if (!value.is_array() || array(value).size() == 0)
      return refused("$all takes an array of values");
    Condition condition{.op = Op::has_all};
    for (const JsonElement wanted : array(value))
      condition.children.push_back({.op = Op::equals, .path = path, .value = wanted});
    return condition;
  }

  Result<Condition> elem_match(const FieldPath& path, const JsonElement& value, std::size_t depth) {
    if (!value.is_object()) return refused("$elemMatch takes an object");
    const auto is_logical = [&] {
      const std::string_view first = (*object(value).begin()).key;
      return first == "$and" || first == "$or" || first == "$nor";
    };
    auto child = has_operators(value) && !is_logical() ? operators({}, value, depth + 1)
                                                       : conditions(value, depth + 1);
    if (!child) return child;
    Condition condition{.op = Op::elem_match, .path = path};
    condition.children.push_back(std::move(*child));
    return condition;
  }

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
    Condition condition{.op = Op::regex, .path = path};
    condition.pattern = std::make_shared<const re2::RE2>(text, options);
    if (!condition.pattern->ok()) return refused("$regex: " + condition.pattern->error());
    return condition;
  }

  std::size_t conditions_ = 0;
  std::size_t patterns_ = 0;
};

}  // namespace

FieldPath parse_field_path(std::string_view path) {
  FieldPath tokens;
  for (;;) {
    const std::size_t dot = path.find('.');
    tokens.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return tokens;
    path.remove_prefix(dot + 1);
  }
}

int compare(const JsonElement& a, const JsonElement& b) {
  const Rank rank = rank_of(a);
  if (rank != rank_of(b)) return sign_of(rank, rank_of(b));
  switch (rank) {
    case Rank::null:
      return 0;
    case Rank::number:
      return compare_numbers(a, b);
    case Rank::string:
      return sign_of(a.get_string().value_unsafe().compare(b.get_string().value_unsafe()), 0);
    case Rank::boolean:
      return sign_of<int>(a.get_bool().value_unsafe(), b.get_bool().value_unsafe());
    default:
      return sign_of(std::string(simdjson::minify(a)).compare(simdjson::minify(b)), 0);
  }
}

struct Filter::State {
  JsonReader reader;
  Condition condition;
};

Filter::Filter(std::unique_ptr<State> state) : state_(std::move(state)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

Result<Filter> Filter::parse(std::string_view json) {
  auto state = std::make_unique<State>();
  JsonElement element;
  if (!state->reader.read(json, element)) {
    const auto tree = parse_json_tree(json);
    return refused("the filter: " + (tree ? "invalid JSON" : tree.error().message));
  }
  auto condition = Reader().conditions(element, 1);
  if (!condition) return refused("the filter: " + condition.error().message);
  state->condition = std::move(*condition);
  return Filter(std::move(state));
}

bool Filter::matches(const JsonElement& document) const {
  return holds(state_->condition, document);
}

namespace {

void add_required(const Condition& condition, std::vector<RequiredCondition>& out) {
  using RequiredOp = RequiredCondition::Op;
  constexpr std::pair<Op, RequiredOp> kServed[] = {
      {Op::equals, RequiredOp::equals},
      {Op::less, RequiredOp::less},
      {Op::less_or_equal, RequiredOp::less_or_equal},
      {Op::greater, RequiredOp::greater},
      {Op::greater_or_equal, RequiredOp::greater_or_equal},
      {Op::in, RequiredOp::in}};
  if (condition.op == Op::all_of || condition.op == Op::has_all)
    for (const Condition& child : condition.children) add_required(child, out);
  for (const auto& [op, served] : kServed)
    if (condition.op == op) out.push_back({served, &condition.path, condition.value});
}

}  // namespace

std::vector<RequiredCondition> Filter::required() const {
  std::vector<RequiredCondition> conditions;
  add_required(state_->condition, conditions);
  return conditions;
}

bool Filter::matches_all() const { return state_->condition.children.empty(); }

}  // namespace kimdb::engine
