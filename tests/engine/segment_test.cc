#include "engine/segment.h"

#include <doctest/doctest.h>

#include <iterator>
#include <map>
#include <vector>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

TEST_CASE("entries that come and go leave no mark in a segment") {
  SeededRandom random(support::test_seed("entries that come and go leave no mark in a segment"));
  for (const std::size_t group_count : {1, 3, 7, 63}) {
    Segment segment = Segment::make(/*depth=*/3, group_count);
    std::map<std::uint64_t, EntryPointer> entries;  // by order
    const auto find = [&](std::uint64_t order, const Entry* wanted) {
      return segment.find(order, Segment::fingerprint(order),
                          [&](const Entry& entry) { return &entry == wanted; });
    };
    for (int step = 0; step < 30000; ++step) {
      if (!segment.full() && random.below(100) < (step / 5000 % 2 == 0 ? 80u : 30u)) {
        // Some in few buckets, so that groups overflow; not more than their counts can tell.
        std::uint64_t order = random.next();
        if (random.below(8) == 0) order = (order & ~(std::uint64_t{0xff} << 53)) | (7ull << 53);
        EntryPointer entry = Entry::make({.key = "k", .value = "v"});
        segment.place(segment.tag(order), Segment::fingerprint(order), entry.get());
        entries[order] = std::move(entry);
      } else if (!entries.empty()) {
        const auto victim =
            std::next(entries.begin(), static_cast<std::ptrdiff_t>(random.below(entries.size())));
        const auto place = find(victim->first, victim->second.get());
        REQUIRE(place);
        segment.vacate(place);
        entries.erase(victim);
      }
      REQUIRE(segment.used == entries.size());
    }
    for (const auto& [order, entry] : entries) {
      const auto place = find(order, entry.get());
      REQUIRE(place);
      segment.vacate(place);
    }
    for (std::size_t i = 0; i < group_count; ++i) {
      REQUIRE(segment.groups[i].occupied() == 0);
      REQUIRE(segment.groups[i].overflow == 0);
    }
    segment.destroy();
  }
}

TEST_CASE("more entries than an overflow count can tell are found until the groups are new") {
  Segment segment = Segment::make(/*depth=*/0, 63);
  std::vector<EntryPointer> entries;  // all of them at home in the first group
  for (std::size_t i = 0; i < 600; ++i) {
    entries.push_back(Entry::make({.key = "k", .value = "v"}));
    segment.place(0, 0x80, entries.back().get());
  }
  CHECK(segment.groups[0].overflow == Group::kOverflowMax);
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    const auto place =
        segment.find(0, 0x80, [&](const Entry& entry) { return &entry == entries[i].get(); });
    REQUIRE(place);
    segment.vacate(place);
  }
  std::size_t found = 0;
  for (const EntryPointer& entry : entries)
    found += static_cast<bool>(
        segment.find(0, 0x80, [&](const Entry& other) { return &other == entry.get(); }));
  CHECK(found == 300);
  segment.destroy();
}

}  // namespace kimdb::engine
