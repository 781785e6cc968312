#include "engine/projection.h"

#include <doctest/doctest.h>

namespace kimdb::engine {

namespace {

const char* const kDocument =
    R"({"id":"k","name":"Kim","n":1.50,"a":{"b":1,"c":{"d":2}},"items":[{"x":1,"y":2},{"y":3},4,[{"x":5}]]})";

std::string fields(std::string_view list) {
  const auto projection = Projection::parse(list);
  return projection ? projection->apply(kDocument) : projection.error().message;
}

std::string path(std::string_view text, std::string_view document = kDocument) {
  const auto parsed = JsonPath::parse(text);
  if (!parsed) return parsed.error().message;
  const auto value = parsed->read(*parse_json_tree(document));
  if (!value) return value.error().message;
  return value->value_or("(nothing)");
}

}  // namespace

TEST_CASE("fields are shown as the document has them, and the id with them") {
  CHECK(fields("name") == R"({"id":"k","name":"Kim"})");
  CHECK(fields("n,name,nope") == R"({"id":"k","name":"Kim","n":1.50})");
  CHECK(fields("a") == R"({"id":"k","a":{"b":1,"c":{"d":2}}})");
  CHECK(fields("a.c.d") == R"({"id":"k","a":{"c":{"d":2}}})");
  CHECK(fields("a.b,a.c") == R"({"id":"k","a":{"b":1,"c":{"d":2}}})");
  CHECK(fields("a.b,a") == R"({"id":"k","a":{"b":1,"c":{"d":2}}})");
  CHECK(fields("name.x") == R"({"id":"k"})");
  CHECK(fields("items.x") == R"({"id":"k","items":[{"x":1},{},[{"x":5}]]})");
  std::string deep = "a";
  for (int i = 0; i < 500'000; ++i) deep += ".a";
  CHECK(fields(deep) == "a field nests too deep");
  CHECK(fields("a,,b") == "a field's name is missing");
}

TEST_CASE("a JSONPath leads to one value, or to an array of them") {
  CHECK(path("$.name") == "\"Kim\"");
  CHECK(path("$['name']") == "\"Kim\"");
  CHECK(path("$.n") == "1.50");
  CHECK(path("$.a.c.d") == "2");
  CHECK(path("$.a[\"c\"]['d']") == "2");
  CHECK(path("$.items[0].y") == "2");
  CHECK(path("$.items[-2]") == "4");
  CHECK(path("$.items[9]") == "(nothing)");
  CHECK(path("$.nope.x") == "(nothing)");
  CHECK(path("$.items[*].y") == "[2,3]");
  CHECK(path("$..x") == "[1,5]");
  CHECK(path("$..nope") == "[]");
  CHECK(path("$.a.*") == R"([1,{"d":2}])");
  CHECK(path("$['name','n']") == R"(["Kim",1.50])");
  CHECK(path("$[1:3]", "[0,1,2,3,4]") == "[1,2]");
  CHECK(path("$[::2]", "[0,1,2,3,4]") == "[0,2,4]");
  CHECK(path("$[::-2]", "[0,1,2,3,4]") == "[4,2,0]");
  CHECK(path("$[-2:]", "[0,1,2,3,4]") == "[3,4]");
  CHECK(path("$[3:0:-1]", "[0,1,2,3,4]") == "[3,2,1]");
  CHECK(path("$[::0]", "[0,1]") == "[]");
  CHECK(path("$[0:9007199254740991:9007199254740991]", "[0,1]") == "[0]");
  CHECK(path("$") == kDocument);
}

TEST_CASE("what is no JSONPath is refused, and one that leads to too much as well") {
  for (const char* bad :
       {"", "name", "$.", "$[", "$[]", "$['a", "$[1", "$.a b", "$[?(@.a)]", "$...a"})
    CHECK(path(bad).starts_with("no JSONPath of names"));
  std::string many = "$";
  for (int i = 0; i < 40; ++i) many += "[*,*]";
  std::string nested = "1";
  for (int i = 0; i < 40; ++i) nested = "[" + nested + "]";
  CHECK(path(many, nested) == "the path leads to more than 100000 values");
}

}  // namespace kimdb::engine
