#include "engine/expiry_queue.h"

#include <doctest/doctest.h>

#include <set>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

TEST_CASE("the queue gives the earliest item, whatever was pushed and dropped") {
  SeededRandom random(support::test_seed("the queue gives the earliest item"));
  ExpiryQueue queue;
  std::multiset<std::int64_t> model;
  for (int step = 0; step < 200000; ++step) {
    const bool fill = step / 20000 % 2 == 0;
    if (random.below(10) < (fill ? 8u : 2u)) {
      const auto time = static_cast<std::int64_t>(random.below(5000));
      queue.push({time, 0, 0});
      model.insert(time);
    } else if (random.below(3) == 0) {
      queue.inspect(random.below(4), [&](const ExpiryQueue::Item& item) {
        if (random.below(2) == 0) return true;
        model.erase(model.find(item.expires_at));
        return false;
      });
    } else if (!queue.empty()) {
      model.erase(model.begin());
      queue.pop();
    }
    REQUIRE(queue.size() == model.size());
    if (!model.empty()) REQUIRE(queue.first().expires_at == *model.begin());
  }
  while (!queue.empty()) queue.pop();
  CHECK(queue.memory() <= 8 * sizeof(ExpiryQueue::Item));
}

TEST_CASE("inspecting goes through every item in turn") {
  ExpiryQueue queue;
  for (std::int64_t i = 0; i < 100; ++i) queue.push({i, static_cast<std::uint64_t>(i), 0});
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 50; ++i)
    queue.inspect(2, [&](const ExpiryQueue::Item& item) { return seen.insert(item.hash).second; });
  CHECK(seen.size() == 100);
  CHECK(queue.size() == 100);
}

}  // namespace kimdb::engine
