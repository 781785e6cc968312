#include "database/sql/access_path.h"

#include <algorithm>
#include <cmath>

#include "engine/ordered_bytes.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using Op = Condition::Op;
using Kind = AccessPath::Kind;

namespace {

// Guesses, where nothing is known of the values: what an equal value of a column leaves of the
// rows, and what a bound leaves.
constexpr double kEqualLeaves = 0.01;
constexpr double kBoundLeaves = 0.3;
// In the time that a row takes when all are read one after the other.
constexpr double kLookupCost = 3;
constexpr double kRangeCost = 20;  // every partition is asked
constexpr double kIndexRowCost = 4;

std::optional<std::size_t> find_condition(const std::vector<Condition>& conditions,
                                          std::uint32_t place, Op op, Op other) {
  for (std::size_t i = 0; i < conditions.size(); ++i)
    if (conditions[i].place == place && (conditions[i].op == op || conditions[i].op == other))
      return i;
  return std::nullopt;
}

std::string_view symbol(Op op) {
  switch (op) {
    case Op::equal:
      return "=";
    case Op::greater:
      return ">";
    case Op::greater_or_equal:
      return ">=";
    case Op::less:
      return "<";
    case Op::less_or_equal:
      return "<=";
  }
  return "";
}

}  // namespace

KeyColumns key_columns(const TypedTable& table, Kind kind, std::size_t index) {
  const engine::TableSchema& schema = table.schema();
  if (kind == Kind::index) return {schema.indexes[index].columns, schema.indexes[index].descending};
  return {schema.primary_key, std::vector<bool>(schema.primary_key.size(), false)};
}

std::vector<AccessPath> access_paths(const TypedTable& table,
                                     const std::vector<Condition>& conditions, double rows) {
  const engine::TableSchema& schema = table.schema();
  std::vector<AccessPath> paths;
  paths.push_back({.equal = {}, .rows = rows, .cost = kRangeCost + rows});
  const auto offer = [&](Kind kind, std::size_t number, bool unique, bool hash) {
    const KeyColumns columns = key_columns(table, kind, number);
    AccessPath path{.kind = kind, .index = number, .equal = {}};
    for (const std::uint32_t place : columns.places) {
      const auto condition = find_condition(conditions, place, Op::equal, Op::equal);
      if (!condition) break;
      path.equal.push_back(*condition);
    }
    const bool all = !columns.places.empty() && path.equal.size() == columns.places.size();
    if (hash && !all) return;
    if (!all && !columns.places.empty()) {
      const std::uint32_t place = columns.places[path.equal.size()];
      path.lower = find_condition(conditions, place, Op::greater, Op::greater_or_equal);
      path.upper = find_condition(conditions, place, Op::less, Op::less_or_equal);
    }
    if (path.equal.empty() && !path.lower && !path.upper) return;
    path.finds_one = all && unique;
    path.rows = rows * std::pow(kEqualLeaves, static_cast<double>(path.equal.size()));
    if (path.lower) path.rows *= kBoundLeaves;
    if (path.upper) path.rows *= kBoundLeaves;
    path.rows = path.finds_one ? 1 : std::max(path.rows, 1.0);
    if (kind == Kind::primary_key)
      path.cost = path.finds_one ? kLookupCost : kRangeCost + path.rows;
    else
      path.cost = kRangeCost + path.rows * kIndexRowCost;
    paths.push_back(std::move(path));
  };
  offer(Kind::primary_key, 0, true, false);
  for (std::size_t i = 0; i < schema.indexes.size(); ++i)
    offer(Kind::index, i, schema.indexes[i].unique, schema.indexes[i].hash);
  return paths;
}

std::string AccessPath::in_words(const TypedTable& table,
                                 const std::vector<Condition>& conditions) const {
  const auto number = static_cast<std::uint64_t>(std::llround(rows));
  const std::string expected =
      finds_one ? ", at most 1 row" : ", about " + std::to_string(number) + " rows";
  const engine::TableSchema& schema = table.schema();
  if (kind == Kind::scan) return "scan of " + schema.name + expected;
  const std::string words =
      schema.name +
      (kind == Kind::primary_key ? " by primary key" : " by index " + schema.indexes[index].name);
  std::vector<std::size_t> used = equal;
  if (lower) used.push_back(*lower);
  if (upper) used.push_back(*upper);
  std::string list;
  for (const std::size_t condition : used) {
    if (!list.empty()) list += " AND ";
    list += schema.columns[conditions[condition].place].name + " " +
            std::string(symbol(conditions[condition].op)) + " ?";
  }
  return words + " (" + list + ")" + expected;
}

engine::KeyRange key_range(const std::string& prefix, const KeyColumns& columns,
                           const Bounds& bounds) {
  std::string equal = prefix;
  for (std::size_t i = 0; i < bounds.equal.size(); ++i)
    engine::append_row_key_part(equal, bounds.equal[i], columns.descending[i]);
  engine::KeyRange range{equal, engine::behind_all(equal)};
  if (!bounds.lower && !bounds.upper) return range;
  const bool descends = columns.descending[bounds.equal.size()];
  const auto key = [&](const Bounds::Bound& bound) {
    std::string bytes = equal;
    engine::append_row_key_part(bytes, bound.value, descends);
    return bytes;
  };
  const auto& first = descends ? bounds.upper : bounds.lower;
  const auto& last = descends ? bounds.lower : bounds.upper;
  if (first) range.begin = first->inclusive ? key(*first) : engine::behind_all(key(*first));
  if (last) range.end = last->inclusive ? engine::behind_all(key(*last)) : key(*last);
  return range;
}

}  // namespace kimdb::database::sql
