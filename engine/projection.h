// Parts of a document.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/json_tree.h"

namespace kimdb::engine {

// The fields that a list like "name,address.city" names, where they are: in objects as the document
// has them, and in each object of an array. The id is always among them.
class Projection {
 public:
  static Result<Projection> parse(std::string_view fields);
  // `document` as it is shown (engine/document.h).
  std::string apply(std::string_view document) const;

 private:
  struct Field {
    std::string name;
    bool whole = false;         // not only the fields below
    std::vector<Field> fields;  // none: all of it
  };
  static void add(std::vector<Field>& fields, std::string_view path);
  static void keep(JsonNode& node, const std::vector<Field>& fields);

  std::vector<Field> fields_;
};

// A JSONPath (RFC 9535) of names, indexes, slices and wildcards, with descendants: $.a['b'][0],
// $.items[*].price, $..id. Filters are not known.
class JsonPath {
 public:
  static Result<JsonPath> parse(std::string_view path);
  // What it leads to, as JSON: the value where it can lead to one at most, else an array of all.
  // Nothing where there is nothing; an error where there is more than these.
  static constexpr std::size_t kValuesMax = 100'000;
  static constexpr std::size_t kBytesMax = 64 << 20;
  Result<std::optional<std::string>> read(const JsonNode& document) const;

 private:
  struct Selector {
    enum class Kind { name, index, slice, wildcard } kind = Kind::name;
    std::string name;
    std::optional<long long> begin, end;  // index: begin
    long long step = 1;
  };
  struct Segment {
    bool descendants = false;
    std::vector<Selector> selectors;
  };
  class Parser;
  using Nodes = std::vector<const JsonNode*>;
  static void select(const JsonNode& node, const Selector& selector, Nodes& out);
  static void select_below(const JsonNode& node, const Segment& segment, Nodes& out);

  std::vector<Segment> segments_;
};

}  // namespace kimdb::engine
