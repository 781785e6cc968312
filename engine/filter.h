// Conditions on documents, in MongoDB's words and with its meaning (docs/documents.md lists them):
//
//   {"age": {"$gte": 20}, "tags": "x", "$or": [{"a.b": 1}, {"c": {"$exists": false}}]}
//
// A condition holds where it holds for one of the values that its path leads to
// (engine/field_path.h), an array's items being such values as well as the array itself. What is
// negated ($ne, $nin, $not, $nor) holds where the condition does not.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/field_path.h"
#include "engine/json_reader.h"

namespace kimdb::engine {

// One of the conditions that all have to hold.
struct RequiredCondition {
  enum class Op { equals, less, less_or_equal, greater, greater_or_equal, in } op = Op::equals;
  const FieldPath* path = nullptr;
  JsonElement value;
};

class Filter {
 public:
  // An error says what is wrong with it.
  static Result<Filter> parse(std::string_view json);
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  // `document` as it is shown (engine/document.h).
  bool matches(const JsonElement& document) const;
  bool matches_all() const;
  // Those that an index may serve; there may be others. They live as long as the filter.
  std::vector<RequiredCondition> required() const;

 private:
  struct State;
  explicit Filter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kimdb::engine
