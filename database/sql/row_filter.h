// Conditions on columns that rows are held against before SQLite sees them, which is shorter than
// its own way by many calls. SQLite looks again at those that pass, so that a row passes wherever
// it cannot be told whether the condition holds. One thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "database/sql/access_path.h"
#include "database/sql/catalog.h"
#include "engine/row.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

// LIKE with a pattern that has no _: the texts between its %, without regard to the case of ASCII
// letters. As SQLite does it, texts end at a zero byte.
class LikePattern {
 public:
  explicit LikePattern(std::string_view pattern);

  bool matches(std::string_view text) const;

 private:
  std::vector<std::string> pieces_;  // in lower case, one more than there are %
};

class RowFilter {
 public:
  void clear() { tests_.clear(); }
  bool empty() const { return tests_.empty(); }
  // `value`: what the condition's column is compared with; it is copied.
  void add(const TypedTable& table, const Condition& condition, const engine::SqlValue& value);
  bool passes(const TypedTable& table, const engine::RowView& row) const;

 private:
  struct Test {
    std::uint32_t place = 0;
    Condition::Op op = Condition::Op::equal;
    engine::SqlValue value;  // null: no row passes
    std::string text;
    std::vector<LikePattern> pattern;  // of LIKE
  };
  static bool holds(const Test& test, const engine::SqlValue& stored);

  std::deque<Test> tests_;
};

}  // namespace kimdb::database::sql
