#include "replication/timeline.h"

#include <doctest/doctest.h>

namespace kimdb::replication {
namespace {

TEST_CASE("a lag is counted from the first record that is missing") {
  Timeline timeline;
  CHECK(timeline.behind(0, 1000).lsn == 0);
  timeline.note(1000, 10, 100);
  timeline.note(2000, 20, 300);
  timeline.note(3000, 30, 600);
  const Lag none = timeline.behind(30, 9000);
  CHECK(none.lsn == 0);
  CHECK(none.bytes == 0);
  CHECK(none.ms == 0);
  CHECK(timeline.behind(31, 9000).lsn == 0);
  const Lag some = timeline.behind(20, 4000);
  CHECK(some.lsn == 10);
  CHECK(some.bytes == 300);
  CHECK(some.ms == 1000);
  const Lag middle = timeline.behind(15, 4000);
  CHECK(middle.lsn == 15);
  CHECK(middle.bytes == 500);
  CHECK(middle.ms == 2000);
  CHECK(timeline.behind(5, 4000).ms == 3000);
  CHECK(timeline.behind(20, 2500).ms == 0);  // the clocks of two machines
}

TEST_CASE("a long timeline stays small, and coarse where it is old") {
  Timeline timeline;
  for (int i = 1; i <= 1'000'000; ++i)
    timeline.note(i, static_cast<Lsn>(i), 10 * static_cast<std::uint64_t>(i));
  for (const Lsn lsn : {Lsn{1000}, Lsn{500'000}, Lsn{999'000}}) {
    const Lag lag = timeline.behind(lsn, 1'000'000);
    CHECK(lag.lsn == 1'000'000 - lsn);
    const double missing = static_cast<double>(1'000'000 - lsn);
    CHECK(static_cast<double>(lag.bytes) / 10 == doctest::Approx(missing).epsilon(0.05));
    CHECK(static_cast<double>(lag.ms) == doctest::Approx(missing).epsilon(0.05));
  }
}

}  // namespace
}  // namespace kimdb::replication
