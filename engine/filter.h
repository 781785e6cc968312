// Conditions on documents, in MongoDB's words (docs/documents.md lists them):
//
//   {"age": {"$gte": 20}, "tags": "x", "$or": [{"a.b": 1}, {"c": {"$exists": false}}]}
//
// A path with dots goes into objects, and into each object of an array on its way; a number in it
// picks an item of an array. A condition holds where it holds for one of the values that the
// path leads to, an array's items being such values as well as the array itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/json_reader.h"

namespace kimdb::engine {

// A field of documents: "address.city" is {"address", "city"}.
using FieldPath = std::vector<std::string>;
FieldPath parse_field_path(std::string_view path);

// Calls visit(element) for each value that the path leads to; stops and gives true once `visit`
// does.
template <class Visit>
bool any_value(const JsonElement& element, const FieldPath& path, std::size_t from, Visit&& visit);

// In the order of sorting and of indexes: null, numbers, strings, objects, arrays, false, true.
// Objects and arrays among themselves by their text.
int compare(const JsonElement& a, const JsonElement& b);

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

template <class Visit>
bool any_value(const JsonElement& element, const FieldPath& path, std::size_t from, Visit&& visit) {
  if (from == path.size()) return visit(element);
  if (element.is_object()) {
    JsonElement child;
    return element.at_key(path[from]).get(child) == simdjson::SUCCESS &&
           any_value(child, path, from + 1, visit);
  }
  if (!element.is_array()) return false;
  const simdjson::dom::array items(element);
  // Never both ways: at each such array that would double the work.
  const std::string& token = path[from];
  if (!token.empty() && token.size() <= 9 &&
      token.find_first_not_of("0123456789") == std::string::npos) {
    JsonElement item;
    return items.at(std::stoul(token)).get(item) == simdjson::SUCCESS &&
           any_value(item, path, from + 1, visit);
  }
  for (const JsonElement item : items)
    if (item.is_object() && any_value(item, path, from, visit)) return true;
  return false;
}

}  // namespace kimdb::engine
