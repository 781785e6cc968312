#include "database/login_throttle.h"

#include <doctest/doctest.h>

#include <string>

namespace kimdb::database {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

class SetClock final : public Clock {
 public:
  std::int64_t unix_ms() const override { return now_.count(); }
  std::int64_t monotonic_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now_).count();
  }
  void advance(milliseconds time) { now_ += time; }

 private:
  milliseconds now_{1'000'000};
};

struct Fixture {
  SetClock clock;
  LoginThrottle throttle{clock};

  // One whole attempt with a wrong password; how long it had to wait for its turn.
  milliseconds guess(std::string_view address) {
    milliseconds waited{0};
    for (milliseconds wait; (wait = throttle.begin(address)) > 0ms;) {
      clock.advance(wait);
      waited += wait;
    }
    throttle.failed(address);
    return waited;
  }
};

TEST_CASE_FIXTURE(Fixture, "the first failures are free, then the wait doubles up to its limit") {
  CHECK(guess("10.0.0.1") == 0ms);
  CHECK(guess("10.0.0.1") == 0ms);
  CHECK(guess("10.0.0.1") == 0ms);
  CHECK(guess("10.0.0.1") == 500ms);
  CHECK(guess("10.0.0.1") == 1s);
  CHECK(guess("10.0.0.1") == 2s);
  for (int i = 0; i < 20; ++i) guess("10.0.0.1");
  CHECK(guess("10.0.0.1") == 30s);
}

TEST_CASE_FIXTURE(Fixture,
                  "a day of guessing from one address gets through fewer than 4000 guesses") {
  int guesses = 0;
  for (milliseconds spent{0}; spent < 24h; spent += guess("10.0.0.1") + 50ms) {
    clock.advance(50ms);
    ++guesses;
  }
  CHECK(guesses > 100);
  CHECK(guesses < 4000);
}

TEST_CASE_FIXTURE(Fixture, "another address does not wait") {
  for (int i = 0; i < 10; ++i) guess("10.0.0.1");
  CHECK(throttle.begin("10.0.0.2") == 0ms);
}

TEST_CASE_FIXTURE(Fixture, "an address that stays quiet is as good as new after a while") {
  for (int i = 0; i < 100; ++i) guess("10.0.0.1");
  clock.advance(17min);
  for (int i = 0; i < 3; ++i) CHECK(guess("10.0.0.1") == 0ms);
  CHECK(guess("10.0.0.1") == 500ms);
}

TEST_CASE_FIXTURE(Fixture, "logging in to one's own account between guesses buys no guesses") {
  for (int i = 0; i < 4; ++i) guess("10.0.0.1");
  clock.advance(1s);
  REQUIRE(throttle.begin("10.0.0.1") == 0ms);
  throttle.succeeded("10.0.0.1");
  CHECK(guess("10.0.0.1") == 0ms);
  CHECK(guess("10.0.0.1") == 2s);
}

TEST_CASE_FIXTURE(Fixture, "a pool that opens its connections at once logs in without waiting") {
  for (int i = 0; i < 64; ++i) CHECK(throttle.begin("10.0.0.1") == 0ms);
  for (int i = 0; i < 64; ++i) throttle.succeeded("10.0.0.1");
  CHECK(throttle.addresses() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "guesses on many connections at once are bounded, then wait one for the other") {
  int begun = 0;
  while (throttle.begin("10.0.0.1") == 0ms) ++begun;
  CHECK(begun == 64);
  for (int i = 0; i < begun; ++i) throttle.failed("10.0.0.1");
  CHECK(throttle.begin("10.0.0.1") == 30s);
  clock.advance(30s);
  CHECK(throttle.begin("10.0.0.1") == 0ms);
  CHECK(throttle.begin("10.0.0.1") > 0ms);
}

TEST_CASE_FIXTURE(Fixture,
                  "addresses of one IPv6 customer count together, IPv4 is the same in IPv6") {
  for (int i = 0; i < 4; ++i) guess("2001:db8:1:2::" + std::to_string(i + 1));
  CHECK(throttle.begin("2001:db8:1:2:ffff::1") > 0ms);
  CHECK(throttle.begin("2001:db8:1:3::1") == 0ms);
  for (int i = 0; i < 4; ++i) guess("192.0.2.7");
  CHECK(throttle.begin("::ffff:192.0.2.7") > 0ms);
}

TEST_CASE("memory is bounded: the address that was seen longest ago makes room") {
  SetClock clock;
  LoginThrottle throttle(clock, {.free_failures = 1, .max_addresses = 100});
  for (int i = 0; i < 1000; ++i) {
    const std::string address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    REQUIRE(throttle.begin(address) == 0ms);
    throttle.failed(address);
  }
  CHECK(throttle.addresses() == 100);
  CHECK(throttle.begin("10.0.3.249") > 0ms);
  CHECK(throttle.begin("10.0.0.0") == 0ms);
  throttle.failed("10.0.0.0");
  throttle.succeeded("no address at all");
  CHECK(throttle.addresses() == 100);
}

}  // namespace
}  // namespace kimdb::database
