#include "engine/sort_key.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "engine/json_order.h"
#include "tests/support/random_json.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine::test {

namespace {

int sign(int value) { return value < 0 ? -1 : value > 0; }

std::string key_of(std::string_view document, std::string_view order) {
  JsonReader reader;
  JsonElement element;
  REQUIRE(reader.read(document, element));
  std::string key;
  append_sort_key(key, element, *parse_sort_order(order));
  return key;
}

}  // namespace

TEST_CASE("keys are in the order of their values") {
  SeededRandom random(support::test_seed("keys are in the order of their values"));
  const support::TestDeadline deadline(2);
  JsonReader readers[2];
  do {
    for (int round = 0; round < 1000; ++round) {
      const std::string texts[2] = {support::random_value(random, 2),
                                    support::random_value(random, 2)};
      JsonElement values[2];
      std::string rising[2], falling[2];
      for (int i = 0; i < 2; ++i) {
        REQUIRE(readers[i].read(texts[i], values[i]));
        append_key_part(rising[i], values[i], false);
        append_key_part(falling[i], values[i], true);
        // What follows a part does not change the order.
        const char tail = static_cast<char>(random.next());
        rising[i] += tail;
        falling[i] += tail;
      }
      const int order = compare(values[0], values[1]);
      CAPTURE(texts[0]);
      CAPTURE(texts[1]);
      REQUIRE(order == -compare(values[1], values[0]));
      if (order == 0) {
        rising[0].pop_back(), rising[1].pop_back();
        falling[0].pop_back(), falling[1].pop_back();
      }
      REQUIRE(sign(rising[0].compare(rising[1])) == order);
      REQUIRE(sign(falling[0].compare(falling[1])) == -order);
    }
  } while (!deadline.passed());
}

TEST_CASE("documents sort by several fields, and by the fitting item of an array") {
  const auto before = [](std::string_view a, std::string_view b, std::string_view order) {
    return key_of(a, order) < key_of(b, order);
  };
  CHECK(before(R"({"a":1,"b":2})", R"({"a":2,"b":1})", "a,b"));
  CHECK(before(R"({"a":1,"b":1})", R"({"a":1,"b":2})", "a,b"));
  CHECK(before(R"({"a":1,"b":2})", R"({"a":1,"b":1})", "a,-b"));
  CHECK(before(R"({"a":{"b":"ab"}})", R"({"a":{"b":"b"}})", "a.b"));
  CHECK(before(R"({"a":[5,1]})", R"({"a":[3,2]})", "a"));
  CHECK(before(R"({"a":[5,1]})", R"({"a":[3,2]})", "-a"));
  CHECK(before(R"({})", R"({"a":0})", "a"));
  CHECK(key_of(R"({})", "a") == key_of(R"({"a":null})", "a"));
  CHECK(before(R"({"a":[]})", R"({})", "a"));
  CHECK(before(R"({})", R"({"a":[]})", "-a"));
  // As the keys of MongoDB's indexes, by which it sorts.
  CHECK(key_of(R"({"a":[{"b":5},{}]})", "a.b") == key_of(R"({})", "a"));
  CHECK(key_of(R"({"a":[{"b":5},3]})", "a.b") == key_of(R"({})", "a"));
  CHECK(key_of(R"({"a":[{"b":5},{}]})", "-a.b") == key_of(R"({"a":5})", "-a"));
  CHECK(key_of(R"({"a":[]})", "a.b") == key_of(R"({})", "a"));
  CHECK(key_of(R"({"a":[{"b":5},{"b":[7,2]}]})", "a.b") == key_of(R"({"a":2})", "a"));
  CHECK(key_of(R"({"a":[7,2]})", "a.0") == key_of(R"({"a":7})", "a"));
  CHECK(key_of(R"({"a":[{"b":7},{"b":2}]})", "a.0.b") == key_of(R"({"a":7})", "a"));
  CHECK(key_of(R"({"a":[[7,2]]})", "a.0") == key_of(R"({"a":[[7,2]]})", "a"));
  CHECK(before(R"({"a":[[1]]})", R"({"a":true})", "a"));
  CHECK(before(R"({"a":{"b":1}})", R"({"a":[[1]]})", "a"));
  for (const char* bad : {"", "-", "a,", ",a"}) CHECK_FALSE(parse_sort_order(bad).has_value());
}

}  // namespace kimdb::engine::test
