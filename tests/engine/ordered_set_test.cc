#include "engine/ordered_set.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <set>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

using Numbers = OrderedSet<std::uint64_t, std::less<>>;

TEST_CASE("an ordered set does what a set does") {
  SeededRandom random(support::test_seed("an ordered set does what a set does"));
  const support::TestDeadline deadline(2);
  do {
    Numbers numbers;
    std::set<std::uint64_t> model;
    const std::uint64_t range = 1 + random.below(5000);
    std::uint64_t growth = 2;
    for (int step = 0; step < 20000; ++step) {
      if (step % 4000 == 0) growth = 1 + random.below(3);  // of 4
      const std::uint64_t number = random.below(range);
      if (random.below(4) < growth)
        REQUIRE(numbers.insert(number) == model.insert(number).second);
      else
        REQUIRE(numbers.erase(number) == (model.erase(number) == 1));
      REQUIRE(numbers.size() == model.size());
      const std::uint64_t sought = random.below(range);
      const auto lower = numbers.lower_bound(sought);
      const auto expected = model.lower_bound(sought);
      REQUIRE((lower == numbers.end()) == (expected == model.end()));
      if (expected != model.end()) REQUIRE(numbers[lower] == *expected);
      const auto upper = numbers.upper_bound(sought);
      REQUIRE((upper == numbers.end()) == (model.upper_bound(sought) == model.end()));
      if (step % 500 != 0) continue;
      auto position = numbers.begin();
      for (const std::uint64_t each : model) {
        REQUIRE(numbers[position] == each);
        position = numbers.next(position);
      }
      REQUIRE(position == numbers.end());
      for (auto each = model.rbegin(); each != model.rend(); ++each) {
        position = numbers.previous(position);
        REQUIRE(numbers[position] == *each);
      }
    }
    for (const std::uint64_t each : std::set(model)) REQUIRE(numbers.erase(each));
    REQUIRE(numbers.memory() == 0);
  } while (!deadline.passed());
}

TEST_CASE("ascending items fill their blocks") {
  Numbers numbers;
  for (std::uint64_t i = 0; i < 100 * Numbers::kBlockItems; ++i) numbers.insert(i);
  CHECK(numbers.memory() < 100 * Numbers::kBlockItems * sizeof(std::uint64_t) * 5 / 4);
}

}  // namespace kimdb::engine
