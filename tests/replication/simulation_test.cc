#include "tests/replication/simulation.h"

#include <doctest/doctest.h>

#include <cstdio>

#include "tests/support/test_seed.h"

namespace kimdb::replication::test {
namespace {

TEST_CASE("simulated clusters lose nothing, show nothing twice, and become equal") {
  SeededRandom seeds(support::test_seed("simulated clusters"));
  const std::uint64_t worlds = support::environment_number("KIMDB_SIMULATIONS", 1000);
  auto logger = Logger::open({.level = LogLevel::off, .output = "stderr"});
  REQUIRE(logger);
  Counts sum;
  for (std::uint64_t i = 0; i < worlds; ++i) {
    World world(seeds.next(), **logger);
    REQUIRE_NOTHROW(world.run());
    const Counts& counts = world.counts();
    sum.writes += counts.writes;
    sum.acknowledged += counts.acknowledged;
    sum.crashes += counts.crashes;
    sum.broken += counts.broken;
    sum.promotions += counts.promotions;
    sum.cuts += counts.cuts;
    sum.unsynced_lost += counts.unsynced_lost;
    sum.promoted_again += counts.promoted_again;
    sum.snapshots += counts.snapshots;
    sum.copies += counts.copies;
    sum.copies_resumed += counts.copies_resumed;
    sum.copies_spoiled += counts.copies_spoiled;
    sum.refused += counts.refused;
    sum.pauses += counts.pauses;
    sum.clock_jumps += counts.clock_jumps;
    sum.one_way_cuts += counts.one_way_cuts;
    sum.disk_faults += counts.disk_faults;
  }
  std::printf(
      "%llu clusters, %llu writes, %llu acknowledged, %llu crashes, %llu broken connections, %llu "
      "promotions, %llu cut tails, %llu unsynced frames lost, %llu snapshots, %llu copies, %llu "
      "resumed, %llu spoiled, %llu writes refused, %llu pauses, %llu clock jumps, "
      "%llu one-way cuts, %llu disk faults\n",
      static_cast<unsigned long long>(worlds), static_cast<unsigned long long>(sum.writes),
      static_cast<unsigned long long>(sum.acknowledged),
      static_cast<unsigned long long>(sum.crashes), static_cast<unsigned long long>(sum.broken),
      static_cast<unsigned long long>(sum.promotions), static_cast<unsigned long long>(sum.cuts),
      static_cast<unsigned long long>(sum.unsynced_lost),
      static_cast<unsigned long long>(sum.snapshots), static_cast<unsigned long long>(sum.copies),
      static_cast<unsigned long long>(sum.copies_resumed),
      static_cast<unsigned long long>(sum.copies_spoiled),
      static_cast<unsigned long long>(sum.refused), static_cast<unsigned long long>(sum.pauses),
      static_cast<unsigned long long>(sum.clock_jumps),
      static_cast<unsigned long long>(sum.one_way_cuts),
      static_cast<unsigned long long>(sum.disk_faults));
  // A kind of fault that never happens shows nothing.
  CHECK(sum.acknowledged > 0);
  CHECK(sum.crashes > 0);
  CHECK(sum.broken > 0);
  CHECK(sum.promotions > 0);
  CHECK(sum.cuts > 0);
  CHECK(sum.unsynced_lost > 0);
  CHECK(sum.copies > 0);
  CHECK(sum.copies_resumed > 0);
  CHECK(sum.copies_spoiled > 0);
  CHECK(sum.refused > 0);
  CHECK(sum.pauses > 0);
  CHECK(sum.clock_jumps > 0);
  CHECK(sum.one_way_cuts > 0);
  CHECK(sum.disk_faults > 0);
}

}  // namespace
}  // namespace kimdb::replication::test
