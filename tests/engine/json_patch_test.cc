#include "engine/json_patch.h"

#include <doctest/doctest.h>

namespace kimdb::engine {

namespace {

std::string merged(std::string_view target, std::string_view patch) {
  JsonNode tree = *parse_json_tree(target);
  const JsonNode change = *parse_json_tree(patch);
  merge_patch(tree, change);
  std::string out;
  append_json(out, tree);
  return out;
}

std::string patched(std::string_view target, std::string_view patch) {
  JsonNode tree = *parse_json_tree(target);
  const JsonNode operations = *parse_json_tree(patch);
  std::deque<std::string> names;
  const Status status = json_patch(tree, operations, 1000, names);
  if (!status) return status.error().message;
  std::string out;
  append_json(out, tree);
  return out;
}

}  // namespace

TEST_CASE("merge patches do what the appendix of RFC 7396 says") {
  CHECK(merged(R"({"a":"b"})", R"({"a":"c"})") == R"({"a":"c"})");
  CHECK(merged(R"({"a":"b"})", R"({"b":"c"})") == R"({"a":"b","b":"c"})");
  CHECK(merged(R"({"a":"b"})", R"({"a":null})") == R"({})");
  CHECK(merged(R"({"a":"b","b":"c"})", R"({"a":null})") == R"({"b":"c"})");
  CHECK(merged(R"({"a":["b"]})", R"({"a":"c"})") == R"({"a":"c"})");
  CHECK(merged(R"({"a":"c"})", R"({"a":["b"]})") == R"({"a":["b"]})");
  CHECK(merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})") == R"({"a":{"b":"d"}})");
  CHECK(merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})") == R"({"a":[1]})");
  CHECK(merged(R"(["a","b"])", R"(["c","d"])") == R"(["c","d"])");
  CHECK(merged(R"({"a":"b"})", R"(["c"])") == R"(["c"])");
  CHECK(merged(R"({"a":"foo"})", R"(null)") == R"(null)");
  CHECK(merged(R"({"a":"foo"})", R"("bar")") == R"("bar")");
  CHECK(merged(R"({"e":null})", R"({"a":1})") == R"({"e":null,"a":1})");
  CHECK(merged(R"([1,2])", R"({"a":"b","c":null})") == R"({"a":"b"})");
  CHECK(merged(R"({})", R"({"a":{"bb":{"ccc":null}}})") == R"({"a":{"bb":{}}})");
}

TEST_CASE("operations do what the appendix of RFC 6902 says") {
  CHECK(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])") ==
        R"({"foo":"bar","baz":"qux"})");
  CHECK(patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])") ==
        R"({"foo":["bar","qux","baz"]})");
  CHECK(patched(R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])") ==
        R"({"foo":"bar"})");
  CHECK(patched(R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])") ==
        R"({"foo":["bar","baz"]})");
  CHECK(patched(R"({"baz":"qux"})", R"([{"op":"replace","path":"/baz","value":"boo"}])") ==
        R"({"baz":"boo"})");
  CHECK(patched(R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
                R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])") ==
        R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})");
  CHECK(patched(R"({"foo":["all","grass","cows","eat"]})",
                R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])") ==
        R"({"foo":["all","cows","eat","grass"]})");
  CHECK(patched(R"({"baz":"qux","foo":["a",2,"c"]})",
                R"([{"op":"test","path":"/baz","value":"qux"},
                    {"op":"test","path":"/foo/1","value":2.0}])") ==
        R"({"baz":"qux","foo":["a",2,"c"]})");
  CHECK(patched(R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])") ==
        "operation 0 of the patch finds another value");
  CHECK(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"g":{}},"xyz":1}])") ==
        R"({"foo":"bar","child":{"g":{}}})");
  CHECK(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])") ==
        "operation 0 of the patch points to nothing");
  CHECK(patched(R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])") ==
        R"({"/":9,"~1":10})");
  CHECK(patched(R"({"~1":10})", R"([{"op":"test","path":"/~01","value":"10"}])") ==
        "operation 0 of the patch finds another value");
  CHECK(patched(R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])") ==
        R"({"foo":["bar",["abc","def"]]})");
  CHECK(patched(R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/c"},
                                       {"op":"add","path":"/c/\"q","value":2}])") ==
        R"({"a":{"b":1},"c":{"b":1,"\"q":2}})");
  CHECK(patched(R"({"a":1})", R"([{"op":"add","path":"","value":{"b":2}}])") == R"({"b":2})");
}

TEST_CASE("a patch that cannot be applied says which operation it is") {
  CHECK(patched("{}", "{}") == "a JSON Patch is an array");
  CHECK(patched("{}", "[1]") == "operation 0 of the patch is no object");
  CHECK(patched("{}", R"([{"path":"/a"}])") == "operation 0 of the patch has no op");
  CHECK(patched("{}", R"([{"op":"x","path":"/a"}])") ==
        "operation 0 of the patch has an op that there is not: x");
  CHECK(
      patched("{}", R"([{"op":"add","path":"/a","value":1},{"op":"add","path":"a","value":1}])") ==
      "operation 1 of the patch has no JSON pointer as path");
  CHECK(patched("{}", R"([{"op":"add","path":"/~2","value":1}])") ==
        "operation 0 of the patch has no JSON pointer as path");
  CHECK(patched("{}", R"([{"op":"add","path":"/a"}])") == "operation 0 of the patch has no value");
  CHECK(patched("{}", R"([{"op":"remove","path":""}])") ==
        "operation 0 of the patch takes the whole document away");
  for (const char* index : {"3", "01", "-1", "1x", "-"})
    CHECK(patched("[1,2,3]", R"([{"op":"remove","path":"/)" + std::string(index) + R"("}])") ==
          "operation 0 of the patch points to nothing");
  CHECK(patched(R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])") ==
        "operation 0 of the patch moves a value into itself");
}

TEST_CASE("a patch that nests deeper and deeper ends at the limit") {
  std::string patch = "[", below = "/x";
  for (int i = 0; i < 20; ++i) {
    patch += R"({"op":"copy","from":"/x","path":"/y"},{"op":"move","from":"/y","path":")" + below +
             "/0\"},";
    for (int j = 0; j < 1 << std::min(i, 7); ++j) below += "/0";
  }
  patch.back() = ']';
  CHECK(patched(R"({"x":[]})", patch).ends_with("nests too deep"));
}

TEST_CASE("copies that double the document end at its limit") {
  std::string patch = "[";
  for (int i = 0; i < 60; ++i)
    patch += R"({"op":"copy","from":"","path":"/x)" + std::to_string(i) + "\"},";
  patch.back() = ']';
  CHECK(patched(R"({"a":"0123456789"})", patch).ends_with("makes the document too large"));
}

}  // namespace kimdb::engine
