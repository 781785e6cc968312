#include "engine/field_merge.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/document.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {
namespace {

using Names = std::vector<std::string>;

FieldMerge merge(const std::string& body, std::int64_t updated_at, const std::string& writes) {
  const auto tree = parse_json_tree(writes);
  REQUIRE(tree);
  REQUIRE(check_field_writes(*tree, 1'000'000));
  auto merged = merge_fields(body, updated_at, *tree);
  REQUIRE(merged);
  // What comes out is a document, but for the times.
  CHECK(parse_json_tree(merged->body).has_value());
  return *std::move(merged);
}

std::string refusal(const std::string& writes) {
  const auto tree = parse_json_tree(writes);
  REQUIRE(tree);
  const Status checked = check_field_writes(*tree, 1'000);
  return checked ? "none" : checked.error().message;
}

TEST_CASE("of each field the latest write wins, whichever comes first") {
  FieldMerge merged =
      merge("", 0, R"({"name":{"value":"Kim","ts":100},"tags":{"value":["a"],"ts":50}})");
  CHECK(merged.applied == Names{"name", "tags"});
  CHECK(merged.body ==
        R"({"name":"Kim","tags":["a"],"_times":{"base":0,"fields":{"name":100,"tags":50}}})");
  merged =
      merge(merged.body, 999, R"({"name":{"value":"old","ts":99},"tags":{"value":1,"ts":51}})");
  CHECK(merged.applied == Names{"tags"});
  CHECK(merged.body ==
        R"({"name":"Kim","tags":1,"_times":{"base":0,"fields":{"name":100,"tags":51}}})");
  // Removed, and what is older than that does not come back.
  merged = merge(merged.body, 999, R"({"tags":{"value":null,"ts":60}})");
  CHECK(merged.body == R"({"name":"Kim","_times":{"base":0,"fields":{"name":100,"tags":60}}})");
  const std::string before = merged.body;
  merged = merge(before, 999, R"({"tags":{"value":2,"ts":59}})");
  CHECK(merged.applied.empty());
  CHECK(merged.body == before);
}

TEST_CASE("fields without a time of their own are as old as the document was") {
  FieldMerge merged = merge(R"({"name":"Kim","age":30})", 500,
                            R"({"name":{"value":"x","ts":499},"age":{"value":31,"ts":501}})");
  CHECK(merged.applied == Names{"age"});
  CHECK(merged.body == R"({"name":"Kim","age":31,"_times":{"base":500,"fields":{"age":501}}})");
  // The other field's change is none of this one.
  merged = merge(merged.body, 501, R"({"name":{"value":"y","ts":500},"new":{"value":1,"ts":400}})");
  CHECK(merged.applied == Names{"name"});
  CHECK(merge("{}", 500, R"({"a":{"value":1,"ts":500}})").applied == Names{"a"});
}

TEST_CASE("what is no write is refused") {
  const std::string shape = "the field \"a\" is not {\"value\": …, \"ts\": Unix ms}";
  for (const char* wrong : {R"({"a":1})", R"({"a":{"value":1}})", R"({"a":{"ts":1}})",
                            R"({"a":{"value":1,"ts":1,"x":1}})"})
    CHECK(refusal(wrong) == shape);
  for (const char* wrong : {"[]", "{}", "1"}) CHECK(refusal(wrong).starts_with("the fields are"));
  for (const char* ts : {"-1", "1.5", "\"1\"", "null", "1e3", "99999999999999999"})
    CHECK(refusal(R"({"a":{"value":1,"ts":)" + std::string(ts) + "}}") ==
          "the ts of the field \"a\" is no time in ms");
  CHECK(refusal(R"({"a":{"value":1,"ts":1001}})") ==
        "the ts of the field \"a\" is later than this server's clock");
  CHECK(refusal(R"({"a":{"value":1,"ts":1000}})") == "none");
  for (const char* own : {"id", "_version", "created_at", "updated_at", "_times"})
    CHECK(refusal("{\"" + std::string(own) + R"(":{"value":1,"ts":1}})").find("kimdb's own") !=
          std::string::npos);
}

TEST_CASE("the times are no part of a document that comes from outside") {
  CHECK(parse_document(R"({"a":1,"_times":{"base":1}})")->body == R"({"a":1})");
}

// The same writes in any order, some of them twice, and in any groups: one document.
TEST_CASE("copies that have seen the same writes are equal") {
  SeededRandom random(support::test_seed("field merge"));
  for (int round = 0; round < 300; ++round) {
    struct Write {
      std::string name, value;
      std::uint64_t ts;
    };
    std::vector<Write> writes;
    for (std::uint64_t n = 1 + random.below(20); n > 0; --n) {
      const std::uint64_t kind = random.below(4);
      writes.push_back({std::string(1, static_cast<char>('a' + random.below(4))),
                        kind == 0   ? "null"
                        : kind == 1 ? "\"" + std::to_string(random.below(3)) + "\""
                                    : std::to_string(random.below(5)),
                        random.below(6)});
    }
    std::map<std::string, std::string> expected;
    for (int copy = 0; copy < 4; ++copy) {
      std::vector<Write> order = writes;
      for (std::uint64_t n = random.below(4); n > 0; --n)
        order.push_back(writes[random.below(writes.size())]);
      for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[random.below(i)]);
      std::string body;
      for (const Write& write : order)
        body = merge(body, 0,
                     "{\"" + write.name + "\":{\"value\":" + write.value +
                         ",\"ts\":" + std::to_string(write.ts) + "}}")
                   .body;
      const auto tree = parse_json_tree(body);
      std::map<std::string, std::string> fields;
      for (const JsonMember& member : tree->members) append_json(fields[member.name], member.value);
      if (copy == 0) expected = fields;
      CHECK(fields == expected);
    }
  }
}

}  // namespace
}  // namespace kimdb::engine
