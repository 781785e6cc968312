// Rows of typed tables, and their keys.
#include "engine/row.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/row_key.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// A value of a column, its text kept.
struct Kept {
  SqlValue value;
  std::string text;
  SqlValue get() const {
    SqlValue result = value;
    if (value.kind == SqlValue::Kind::text || value.kind == SqlValue::Kind::blob)
      result.bytes = text;
    return result;
  }
};

Kept random_value(SeededRandom& random, ColumnType type) {
  const auto whole = static_cast<std::int64_t>(random.next());
  if (random.below(4) == 0) return {};
  switch (type) {
    case ColumnType::integer:
      return {SqlValue::of(std::int64_t{static_cast<std::int32_t>(whole)}), {}};
    case ColumnType::boolean:
      return {SqlValue::of(whole & 1), {}};
    case ColumnType::real:
      return {SqlValue::of(static_cast<double>(whole) / 7), {}};
    case ColumnType::decimal:
      return random.below(2) == 0 ? Kept{SqlValue::of(whole), {}}
                                  : Kept{SqlValue::of(static_cast<double>(whole) / 3), {}};
    case ColumnType::text:
    case ColumnType::json:
      return {SqlValue::text({}),
              std::string(random.below(40), static_cast<char>('a' + (whole & 7)))};
    case ColumnType::blob:
      return {SqlValue::blob({}), std::string(random.below(9), static_cast<char>(whole))};
    default:
      return {SqlValue::of(whole), {}};
  }
}

std::vector<Column> random_columns(SeededRandom& random, std::size_t count) {
  std::vector<Column> columns(count);
  for (Column& column : columns) column.type = static_cast<ColumnType>(random.below(9));
  return columns;
}

int sign(int value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

// As SQLite orders values; numbers as exactly as they are.
int order(const SqlValue& a, const SqlValue& b) {
  const auto rank = [](const SqlValue& value) {
    return value.is_null()                      ? 0
           : value.kind == SqlValue::Kind::text ? 2
           : value.kind == SqlValue::Kind::blob ? 3
                                                : 1;
  };
  if (rank(a) != rank(b)) return sign(rank(a) - rank(b));
  if (rank(a) >= 2) return sign(a.bytes.compare(b.bytes));
  const auto number = [](const SqlValue& value) {
    return value.kind == SqlValue::Kind::real ? static_cast<long double>(value.real)
                                              : static_cast<long double>(value.integer);
  };
  return number(a) < number(b) ? -1 : number(a) > number(b) ? 1 : 0;
}

std::string key_of(const SqlValue& value, bool descending = false) {
  std::string key;
  append_row_key_part(key, value, descending);
  return key;
}

}  // namespace

TEST_CASE("rows show what was stored, also once columns have come") {
  SeededRandom random(support::test_seed("rows show what was stored"));
  for (int round = 0; round < 2000; ++round) {
    const std::vector<Column> columns = random_columns(random, 1 + random.below(20));
    std::vector<Kept> kept;
    std::vector<SqlValue> values;
    for (const Column& column : columns) kept.push_back(random_value(random, column.type));
    for (const Kept& each : kept) values.push_back(each.get());
    const std::string row = encode_row(RowLayout(columns), values);

    std::vector<Column> later = columns;
    for (const Column& column : random_columns(random, random.below(5))) later.push_back(column);
    const RowLayout layout(later);
    const RowView view(layout, row);
    for (std::size_t i = 0; i < later.size(); ++i) {
      CAPTURE(i);
      REQUIRE(view.has(i) == (i < columns.size()));
      REQUIRE(view.column(i) == (i < columns.size() ? values[i] : SqlValue()));
    }
  }
}

TEST_CASE("damaged rows show something or nothing") {
  SeededRandom random(support::test_seed("damaged rows show something or nothing"));
  for (int round = 0; round < 2000; ++round) {
    const std::vector<Column> columns = random_columns(random, 1 + random.below(12));
    std::vector<Kept> kept;
    std::vector<SqlValue> values;
    for (const Column& column : columns) kept.push_back(random_value(random, column.type));
    for (const Kept& each : kept) values.push_back(each.get());
    const RowLayout layout(columns);
    std::string row = encode_row(layout, values);
    row.resize(random.below(row.size() + 1));
    for (int flips = 0; flips < 3 && !row.empty(); ++flips)
      row[random.below(row.size())] = static_cast<char>(random.next());
    // A block of its own: reading past its end is seen under the sanitizer.
    const std::vector<char> exact(row.begin(), row.end());
    const RowView view(layout, {exact.data(), exact.size()});
    // Each lies within the row, though damaged ends may let them overlap.
    for (std::size_t i = 0; i < columns.size(); ++i)
      REQUIRE(view.column(i).bytes.size() <= exact.size());
  }
}

TEST_CASE("keys are in the order of their values") {
  std::vector<SqlValue> values = {
      {},
      SqlValue::of(kLeast),
      SqlValue::of(kLeast + 1),
      SqlValue::of(static_cast<double>(kLeast)),
      SqlValue::of(-1.5),
      SqlValue::of(std::int64_t{-1}),
      SqlValue::of(-0.0),
      SqlValue::of(std::int64_t{0}),
      SqlValue::of(5e-324),
      SqlValue::of(std::int64_t{1}),
      SqlValue::of(1.0),
      SqlValue::of((std::int64_t{1} << 53) + 1),
      SqlValue::of(9007199254740992.0),
      SqlValue::of(kMost - 1),
      SqlValue::of(kMost),
      SqlValue::of(static_cast<double>(kMost)),
      SqlValue::of(-HUGE_VAL),
      SqlValue::of(HUGE_VAL),
      SqlValue::text(""),
      SqlValue::text(std::string_view("\0", 1)),
      SqlValue::text(std::string_view("\0\0", 2)),
      SqlValue::text(std::string_view("\0a", 2)),
      SqlValue::text("a"),
      SqlValue::text("ab"),
      SqlValue::text("\xff"),
      SqlValue::blob(""),
      SqlValue::blob("a"),
  };
  for (const SqlValue& a : values) {
    for (const SqlValue& b : values) {
      CAPTURE(key_of(a));
      CAPTURE(key_of(b));
      CHECK(sign(key_of(a).compare(key_of(b))) == order(a, b));
      CHECK(sign(key_of(a, true).compare(key_of(b, true))) == -order(a, b));
      // What stands behind decides only between equal ones.
      if (order(a, b) != 0)
        CHECK(sign((key_of(a) + "\xff").compare(key_of(b) + std::string(1, '\0'))) == order(a, b));
    }
  }
  CHECK(row_table(row_prefix(0x01020304) + "x") == 0x01020304);
  CHECK(row_prefix(255) < row_prefix(256));
}

}  // namespace kimdb::engine
