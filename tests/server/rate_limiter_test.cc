#include "server/http/rate_limiter.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::server {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a second's worth may come at once, and then each when it is its turn") {
  RateLimiter limiter;
  CHECK_FALSE(limiter.limits());
  CHECK(limiter.take("a", 0) == milliseconds(0));
  limiter.set_rate(10);
  CHECK(limiter.limits());
  for (int i = 0; i < 10; ++i) CHECK(limiter.take("a", 5'000) == milliseconds(0));
  CHECK(limiter.take("a", 5'000) == milliseconds(100));
  CHECK(limiter.take("a", 5'050) == milliseconds(50));
  CHECK(limiter.take("b", 5'050) == milliseconds(0));
  CHECK(limiter.take("a", 5'100) == milliseconds(0));
  CHECK(limiter.take("a", 5'100) == milliseconds(100));
  // Who was quiet for a second may burst again, and no more than that.
  for (int i = 0; i < 10; ++i) CHECK(limiter.take("a", 50'000) == milliseconds(0));
  CHECK(limiter.take("a", 50'000) == milliseconds(100));
}

TEST_CASE("over any time no more is served than the rate and a second's worth") {
  SeededRandom random(support::test_seed("rate limiter"));
  for (int round = 0; round < 50; ++round) {
    RateLimiter limiter;
    const std::uint64_t rate = 1 + random.below(2000);
    limiter.set_rate(rate);
    std::int64_t now_ms = 1'000'000;
    const std::int64_t begin_ms = now_ms;
    std::uint64_t served = 0;
    for (int i = 0; i < 5000; ++i) {
      now_ms += static_cast<std::int64_t>(random.below(4));
      const auto wait = limiter.take("a", now_ms);
      if (wait.count() == 0) ++served;
      CHECK(wait.count() <= 1000);
      const auto passed_ms = static_cast<std::uint64_t>(now_ms - begin_ms);
      // The interval of a request is whole microseconds.
      CHECK(served <= (passed_ms + 1000) * 1000 / (1'000'000 / rate));
    }
  }
}

TEST_CASE("who is quiet is forgotten") {
  RateLimiter limiter;
  limiter.set_rate(5);
  for (int i = 0; i < 1000; ++i) limiter.take("somebody " + std::to_string(i), 10'000);
  CHECK(limiter.remembered() == 1000);
  limiter.take("a", 12'000);
  CHECK(limiter.remembered() == 1);
}

}  // namespace
}  // namespace kimdb::server
