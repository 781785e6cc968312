#include "database/sql/access_path.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/ordered_bytes.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::ColumnType;
using Op = Condition::Op;
using Kind = AccessPath::Kind;

namespace {

// Guesses, where nothing is known of the values: what an equal value of a column leaves of the
// rows, and what a bound leaves.
constexpr double kEqualLeaves = 0.01;
constexpr double kBoundLeaves = 0.3;
// Of a column without an index: it hardly tells rows apart as well as one that has one.
constexpr double kEqualPasses = 0.1;
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
    case Op::like:
      return "LIKE";
  }
  return "";
}

// "a = ? AND b > ?"
std::string conditions_in_words(const engine::TableSchema& schema,
                                const std::vector<Condition>& conditions,
                                const std::vector<std::size_t>& numbers) {
  std::string words;
  for (const std::size_t number : numbers) {
    if (!words.empty()) words += " AND ";
    words += schema.columns[conditions[number].place].name + " " +
             std::string(symbol(conditions[number].op)) + " ?";
  }
  return words;
}

// Rows on a path are held against all conditions but those that lead along it.
void add_filters(const TypedTable& table, const std::vector<Condition>& conditions,
                 AccessPath& path) {
  if (path.finds_one) return;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const Condition& condition = conditions[i];
    const ColumnType type = table.schema().columns[condition.place].type;
    const bool is_text = type == ColumnType::text || type == ColumnType::json;
    const bool leads = std::find(path.equal.begin(), path.equal.end(), i) != path.equal.end() ||
                       path.lower == i || path.upper == i;
    if (leads || condition.is_list || (condition.op == Op::like && !is_text)) continue;
    path.filters.push_back(i);
    path.rows *= condition.op == Op::equal ? kEqualPasses : kBoundLeaves;
  }
  path.rows = std::max(path.rows, 1.0);
}

// Whether the order of the keys that the path goes by, or its reverse, is the one that is asked
// for.
AccessPath::Order order_of(const TypedTable& table, const std::vector<Condition>& conditions,
                           const AccessPath& path, const std::vector<OrderTerm>& order) {
  using Order = AccessPath::Order;
  const engine::TableSchema& schema = table.schema();
  const bool by_index = path.kind == Kind::index;
  if (order.empty() || path.finds_one || (by_index && schema.indexes[path.index].hash))
    return Order::none;
  for (const std::size_t condition : path.equal)
    if (conditions[condition].is_list) return Order::none;
  KeyColumns columns = key_columns(table, path.kind, path.index);
  // Rows under one key of an index stand in the order of their own.
  if (by_index) {
    const std::vector<std::uint32_t>& key = schema.primary_key;
    columns.places.insert(columns.places.end(), key.begin(), key.end());
    columns.descending.resize(columns.places.size(), false);
  }
  // Columns that are equal anyway are in any order, but for text, which may be found by other
  // values than the one that is asked for (compares_unknowably).
  const auto equal_end =
      std::find_if(columns.places.begin(), columns.places.begin() + std::ssize(path.equal),
                   [&](std::uint32_t place) {
                     const ColumnType type = schema.columns[place].type;
                     return type == ColumnType::text || type == ColumnType::json;
                   });
  auto next = equal_end;
  auto wanted = Order::none;
  for (const OrderTerm& term : order) {
    if (next == columns.places.end()) {
      if (schema.primary_key.empty()) return Order::none;
      break;  // what follows orders single rows
    }
    if (std::find(columns.places.begin(), equal_end, term.place) != equal_end) continue;
    const bool descends =
        columns.descending[static_cast<std::size_t>(next - columns.places.begin())];
    const auto direction = term.descending != descends ? Order::descending : Order::ascending;
    if (*next != term.place || (wanted != Order::none && wanted != direction)) return Order::none;
    wanted = direction;
    ++next;
  }
  return wanted == Order::none ? Order::ascending : wanted;
}

// Whether conditions lead to some of the rows, by the primary key or an index.
bool has_leading_path(const TypedTable& table, const std::vector<Condition>& conditions) {
  const engine::TableSchema& schema = table.schema();
  const auto is_equal = [&](std::uint32_t place) {
    return find_condition(conditions, place, Op::equal, Op::equal).has_value();
  };
  const auto leads = [&](std::uint32_t place) {
    return is_equal(place) ||
           find_condition(conditions, place, Op::greater, Op::greater_or_equal) ||
           find_condition(conditions, place, Op::less, Op::less_or_equal);
  };
  if (!schema.primary_key.empty() && leads(schema.primary_key.front())) return true;
  return std::any_of(
      schema.indexes.begin(), schema.indexes.end(), [&](const engine::TableIndex& index) {
        return index.hash ? std::all_of(index.columns.begin(), index.columns.end(), is_equal)
                          : leads(index.columns.front());
      });
}

}  // namespace

KeyColumns key_columns(const TypedTable& table, Kind kind, std::size_t index) {
  const engine::TableSchema& schema = table.schema();
  if (kind == Kind::index) return {schema.indexes[index].columns, schema.indexes[index].descending};
  return {schema.primary_key, std::vector<bool>(schema.primary_key.size(), false)};
}

std::vector<AccessPath> access_paths(const TypedTable& table,
                                     const std::vector<Condition>& conditions,
                                     const std::vector<OrderTerm>& order, double rows,
                                     std::optional<double> limit) {
  const engine::TableSchema& schema = table.schema();
  std::vector<AccessPath> paths;
  const bool others_lead = has_leading_path(table, conditions);
  // With the rows that it reads, each of which costs so much.
  const auto finish = [&](AccessPath path, double row_cost) {
    const double read = path.rows;
    add_filters(table, conditions, path);
    path.order = order_of(table, conditions, path, order);
    // How soon enough rows were found is a guess, and a bad one where few rows fit: not in the
    // place of a path that leads to these.
    const bool ends_early = limit && (order.empty() || path.order != AccessPath::Order::none) &&
                            (path.leads() || !others_lead);
    const double part = ends_early ? std::min(1.0, *limit / path.rows) : 1;
    path.cost = path.finds_one && path.kind == Kind::primary_key
                    ? kLookupCost
                    : kRangeCost + read * part * row_cost;
    return path;
  };
  paths.push_back(finish({.equal = {}, .filters = {}, .rows = std::max(rows, 1.0)}, 1));
  const auto offer = [&](Kind kind, std::size_t number, bool unique, bool hash) {
    const KeyColumns columns = key_columns(table, kind, number);
    AccessPath path{.kind = kind, .index = number, .equal = {}, .filters = {}};
    bool has_whole_list = false;
    for (const std::uint32_t place : columns.places) {
      const auto condition = find_condition(conditions, place, Op::equal, Op::equal);
      if (!condition || (conditions[*condition].is_whole_list && has_whole_list)) break;
      has_whole_list = has_whole_list || conditions[*condition].is_whole_list;
      path.equal.push_back(*condition);
    }
    const bool all = !columns.places.empty() && path.equal.size() == columns.places.size();
    if (hash && !all) return;
    if (!all && !columns.places.empty()) {
      const std::uint32_t place = columns.places[path.equal.size()];
      path.lower = find_condition(conditions, place, Op::greater, Op::greater_or_equal);
      path.upper = find_condition(conditions, place, Op::less, Op::less_or_equal);
    }
    path.finds_one = all && unique;
    path.rows = rows * std::pow(kEqualLeaves, static_cast<double>(path.equal.size()));
    if (path.lower) path.rows *= kBoundLeaves;
    if (path.upper) path.rows *= kBoundLeaves;
    path.rows = path.finds_one ? 1 : std::max(path.rows, 1.0);
    path = finish(std::move(path), kind == Kind::primary_key ? 1 : kIndexRowCost);
    if (path.leads() || (kind == Kind::index && path.order != AccessPath::Order::none))
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
  const std::string expected = finds_one     ? ", at most 1 row"
                               : number == 1 ? ", about 1 row"
                                             : ", about " + std::to_string(number) + " rows";
  const engine::TableSchema& schema = table.schema();
  const std::string held =
      filters.empty() ? "" : ", where " + conditions_in_words(schema, conditions, filters);
  const std::string by_key = order == Order::none ? "" : " in the order of its primary key";
  const std::string backwards = order == Order::descending ? ", backwards" : "";
  if (kind == Kind::scan) return "scan of " + schema.name + by_key + backwards + held + expected;
  std::vector<std::size_t> used = equal;
  if (lower) used.push_back(*lower);
  if (upper) used.push_back(*upper);
  return schema.name +
         (kind == Kind::primary_key ? " by primary key"
                                    : " by index " + schema.indexes[index].name) +
         (used.empty() ? "" : " (" + conditions_in_words(schema, conditions, used) + ")") +
         (order == Order::ascending ? ", in order" : backwards) + held + expected;
}

// Of each the letter of its operator, and the place of its column: "a3e12".
std::string encode_filters(const AccessPath& path, const std::vector<Condition>& conditions) {
  std::string word;
  for (const std::size_t number : path.filters) {
    word += static_cast<char>('a' + static_cast<int>(conditions[number].op));
    word += std::to_string(conditions[number].place);
  }
  return word;
}

std::vector<Condition> read_filters(std::string_view word) {
  std::vector<Condition> filters;
  while (!word.empty()) {
    Condition& filter = filters.emplace_back();
    filter.op = static_cast<Op>(word[0] - 'a');
    const auto read = std::from_chars(word.data() + 1, word.data() + word.size(), filter.place);
    word.remove_prefix(static_cast<std::size_t>(read.ptr - word.data()));
  }
  return filters;
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
