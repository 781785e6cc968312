#include "engine/filter.h"

#include <utility>

#include "engine/condition.h"
#include "engine/filter_reader.h"

namespace kimdb::engine {

namespace {

Error refused(const std::string& why) {
  return {ErrorCode::invalid_argument, "the filter: " + why};
}

}  // namespace

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
    return refused(tree ? "invalid JSON" : tree.error().message);
  }
  auto condition = read_conditions(element);
  if (!condition) return refused(condition.error().message);
  state->condition = std::move(*condition);
  return Filter(std::move(state));
}

bool Filter::matches(const JsonElement& document) const {
  return holds(state_->condition, document);
}

namespace {

void add_required(const Condition& condition, std::vector<RequiredCondition>& out) {
  using Op = ConditionOp;
  using RequiredOp = RequiredCondition::Op;
  constexpr std::pair<Op, RequiredOp> kServed[] = {
      {Op::equals, RequiredOp::equals},
      {Op::less, RequiredOp::less},
      {Op::less_or_equal, RequiredOp::less_or_equal},
      {Op::greater, RequiredOp::greater},
      {Op::greater_or_equal, RequiredOp::greater_or_equal},
      {Op::in, RequiredOp::in}};
  if (condition.op == Op::all_of)
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
