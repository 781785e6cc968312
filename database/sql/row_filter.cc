#include "database/sql/row_filter.h"

#include <algorithm>
#include <compare>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "database/sql/column_value.h"

namespace kimdb::database::sql {

using engine::SqlValue;
using Kind = SqlValue::Kind;
using Op = Condition::Op;

namespace {

// A partition's lock is held: searching takes the product of both at the worst.
constexpr std::size_t kPatternMax = 64;
constexpr std::size_t kSearchedMax = 4096;

bool equal_in_lower_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return to_lower(a) == b; });
}

// Where `lower` begins in the text, at or behind `from`.
std::size_t find_in_lower_case(std::string_view text, std::string_view lower, std::size_t from) {
  if (lower.empty()) return from;
  const char first = lower[0];
  const bool has_case = is_alpha(first);
  for (std::size_t at = from; at + lower.size() <= text.size(); ++at) {
    if (has_case ? to_lower(text[at]) != first : text[at] != first) continue;
    if (equal_in_lower_case(text.substr(at, lower.size()), lower)) return at;
  }
  return std::string_view::npos;
}

// Unordered where doubles do not hold the number exactly.
std::partial_ordering compare(const SqlValue& a, const SqlValue& b) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (a.kind == Kind::integer && b.kind == Kind::integer) return a.integer <=> b.integer;
  const auto real = [](const SqlValue& value) -> std::optional<double> {
    if (value.kind == Kind::real) return value.real;
    if (value.integer > kExact || value.integer < -kExact) return std::nullopt;
    return static_cast<double>(value.integer);
  };
  if (a.kind == Kind::integer || a.kind == Kind::real) {
    const auto left = real(a), right = real(b);
    return left && right ? *left <=> *right : std::partial_ordering::unordered;
  }
  return a.bytes <=> b.bytes;
}

}  // namespace

LikePattern::LikePattern(std::string_view pattern) {
  for (;;) {
    const std::size_t percent = pattern.find('%');
    pieces_.push_back(lower_case(pattern.substr(0, percent)));
    if (percent == std::string_view::npos) return;
    pattern.remove_prefix(percent + 1);
  }
}

bool LikePattern::matches(std::string_view text) const {
  text = text.substr(0, text.find('\0'));
  if (pieces_.size() == 1) return equal_in_lower_case(text, pieces_[0]);
  const std::string& last = pieces_.back();
  if (text.size() < pieces_[0].size() + last.size() ||
      !equal_in_lower_case(text.substr(0, pieces_[0].size()), pieces_[0]) ||
      !equal_in_lower_case(text.substr(text.size() - last.size()), last))
    return false;
  // The first place of each is the best one: it leaves the most to those behind it.
  const std::string_view middle = text.substr(0, text.size() - last.size());
  std::size_t at = pieces_[0].size();
  for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
    at = find_in_lower_case(middle, pieces_[i], at);
    if (at == std::string_view::npos) return false;
    at += pieces_[i].size();
  }
  return true;
}

void RowFilter::add(const TypedTable& table, const Condition& condition, const SqlValue& value) {
  const engine::ColumnType type = table.schema().columns[condition.place].type;
  Test test{.place = condition.place, .op = condition.op, .value = {}, .text = {}, .pattern = {}};
  if (condition.op == Op::like && !value.is_null()) {
    const bool is_plain = value.kind == Kind::text && value.bytes.size() <= kPatternMax &&
                          is_utf8(value.bytes) && value.bytes.find('_') == std::string_view::npos &&
                          value.bytes.find('\0') == std::string_view::npos;
    if (!is_plain) return;
    test.pattern.emplace_back(value.bytes);
    test.value = SqlValue::text({});
  } else if (!value.is_null()) {
    const auto compared = compared_value(type, value);
    if (!compared) return;
    test.value = *compared;
    test.text = compared->bytes;
  }
  Test& kept = tests_.emplace_back(std::move(test));
  kept.value.bytes = kept.text;
}

bool RowFilter::holds(const Test& test, const SqlValue& stored) {
  if (stored.is_null() || test.value.is_null()) return false;
  if (test.op == Op::like)
    return stored.bytes.size() > kSearchedMax || test.pattern[0].matches(stored.bytes);
  const std::partial_ordering order = compare(stored, test.value);
  if (order == std::partial_ordering::unordered) return true;
  switch (test.op) {
    case Op::equal:
      return order == 0;
    case Op::greater:
      return order > 0;
    case Op::greater_or_equal:
      return order >= 0;
    case Op::less:
      return order < 0;
    case Op::less_or_equal:
      return order <= 0;
    case Op::like:
      break;
  }
  return true;
}

bool RowFilter::passes(const TypedTable& table, const engine::RowView& row) const {
  return std::all_of(tests_.begin(), tests_.end(),
                     [&](const Test& test) { return holds(test, table.column(row, test.place)); });
}

}  // namespace kimdb::database::sql
