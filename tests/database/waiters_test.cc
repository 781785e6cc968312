#include "database/waiters.h"

#include <doctest/doctest.h>

namespace kimdb::database {
namespace {

TEST_CASE("a wait ends once: when it is over, when its time is, or when it is cancelled") {
  Waiters waiters;
  bool happened = false;
  int ends = 0, other_ends = 0;
  const int owner = 0, other = 0;
  const auto add = [&](const void* whose, int limit_ms, int& count) {
    waiters.add(whose,
                {.is_over = [&] { return happened; }, .limit = std::chrono::milliseconds(limit_ms)},
                1'000'000, [&count] { ++count; });
  };
  CHECK(waiters.empty());
  add(&owner, 0, ends);
  waiters.check(1'000'000'000'000);
  CHECK(ends == 0);  // no limit
  CHECK(!waiters.empty());
  happened = true;
  waiters.check(0);
  waiters.check(0);
  CHECK(ends == 1);
  CHECK(waiters.empty());

  happened = false;
  add(&owner, 5, ends);
  waiters.check(5'999'999);
  CHECK(ends == 1);
  waiters.check(6'000'000);
  CHECK(ends == 2);

  add(&owner, 0, ends);
  add(&other, 0, other_ends);
  add(&owner, 5, ends);
  waiters.cancel(&owner, Waiters::Cancel::endless);
  CHECK(ends == 2);
  waiters.check(0);
  CHECK(ends == 3);
  CHECK(other_ends == 0);
  waiters.cancel(&owner, Waiters::Cancel::all);
  waiters.check(0);
  CHECK(ends == 4);
  CHECK(other_ends == 0);
}

TEST_CASE("what follows a wait may wait again") {
  Waiters waiters;
  int ends = 0;
  const Wait at_once{.is_over = [] { return true; }};
  waiters.add(nullptr, at_once, 0, [&] {
    ++ends;
    waiters.add(nullptr, at_once, 0, [&] { ++ends; });
  });
  waiters.check(0);
  CHECK(ends == 1);
  waiters.check(0);
  CHECK(ends == 2);
  CHECK(waiters.empty());
}

}  // namespace
}  // namespace kimdb::database
