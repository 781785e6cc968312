#include "engine/entry_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

// A table whose keys all fall into the partition that `skip_bits` zero bits name, as in an engine.
struct TestTable {
  explicit TestTable(std::uint64_t seed, unsigned bits = 0)
      : hasher(seed), skip_bits(bits), table(hasher, bits) {}

  bool mine(std::string_view key) const {
    return skip_bits == 0 || hasher(key) >> (64 - skip_bits) == 0;
  }
  // The nth key of this partition.
  const std::string& key(std::size_t n) {
    while (keys.size() <= n) {
      std::string next = "key" + std::to_string(candidate++);
      if (mine(next)) keys.push_back(std::move(next));
    }
    return keys[n];
  }
  void put(std::string_view key, std::string_view value, Lsn lsn = 1) {
    table.put(Entry::make({.lsn = lsn, .key = key, .value = value}), hasher(key));
  }
  Entry* find(std::string_view key) { return table.find(key, hasher(key)); }
  bool remove(std::string_view key) { return table.remove(key, hasher(key)) != nullptr; }
  std::multiset<std::string> walk() {
    std::multiset<std::string> seen;
    for (auto position = EntryTable::kBegin; position < EntryTable::kEnd;)
      position =
          table.walk_group(position, [&](const Entry* entry) { seen.emplace(entry->key()); });
    return seen;
  }

  Hasher hasher;
  unsigned skip_bits;
  EntryTable table;
  std::vector<std::string> keys;
  std::size_t candidate = 0;
};

}  // namespace

TEST_CASE("a table does what a map does, through growing, splitting and emptying") {
  const std::uint64_t seed = support::test_seed("a table does what a map does");
  SeededRandom random(seed);
  const support::TestDeadline deadline(3);
  for (const unsigned skip_bits : {0u, 6u, 10u}) {
    TestTable t(seed, skip_bits);
    std::map<std::string, std::string> model;
    const std::size_t keys = skip_bits == 10 ? 700 : 6000;
    for (int phase = 0; phase < 12; ++phase) {
      const std::uint64_t puts_of_100 = phase % 3 == 0 ? 90 : phase % 3 == 1 ? 50 : 5;
      for (int step = 0; step < 20000; ++step) {
        const std::string& key = t.key(random.below(keys));
        if (random.below(100) < puts_of_100) {
          const std::string value = std::to_string(random.below(1000));
          const EntryPointer old =
              t.table.put(Entry::make({.lsn = 1, .key = key, .value = value}), t.hasher(key));
          const auto found = model.find(key);
          REQUIRE((old != nullptr) == (found != model.end()));
          if (old) REQUIRE(old->value() == found->second);
          model[key] = value;
        } else {
          REQUIRE(t.remove(key) == (model.erase(key) == 1));
        }
        REQUIRE(t.table.size() == model.size());
        const std::string& other = t.key(random.below(keys));
        const Entry* entry = t.find(other);
        const auto found = model.find(other);
        REQUIRE((entry != nullptr) == (found != model.end()));
        if (entry != nullptr) REQUIRE(entry->value() == found->second);
      }
      const auto seen = t.walk();
      REQUIRE(seen.size() == model.size());
      for (const auto& [key, value] : model) REQUIRE(seen.count(key) == 1);
      if (deadline.passed()) break;
    }
  }
}

TEST_CASE("what is there throughout a walk is seen, whatever is put and removed in between") {
  const std::uint64_t seed = support::test_seed("what is there throughout a walk is seen");
  SeededRandom random(seed);
  const support::TestDeadline deadline(3);
  do {
    TestTable t(random.next(), static_cast<unsigned>(random.below(3)) * 3);
    const std::size_t stay = 1 + random.below(3000);
    for (std::size_t i = 0; i < stay; ++i) t.put(t.key(i), "stays");
    std::size_t others = stay;  // keys from `stay` to here were put at some time
    // Some walks see the table grow to many times its size, others see it shrink.
    const bool shrink = random.below(2) == 0;
    if (shrink)
      for (; others < stay + 20000; ++others) t.put(t.key(others), "goes");
    std::set<std::string> seen;
    for (auto position = EntryTable::kBegin; position < EntryTable::kEnd;) {
      const auto next =
          t.table.walk_group(position, [&](const Entry* entry) { seen.emplace(entry->key()); });
      REQUIRE(next > position);
      position = next;
      for (auto n = random.below(shrink ? 600 : 40); n > 0; --n) {
        if (shrink)
          t.remove(t.key(stay + random.below(others - stay)));
        else if (others < 40000)
          t.put(t.key(others++), "new");
      }
    }
    std::size_t missed = 0;
    for (std::size_t i = 0; i < stay; ++i) missed += seen.count(t.key(i)) == 0;
    REQUIRE(missed == 0);
  } while (!deadline.passed());
}

TEST_CASE("a hundred thousand keys are found, removed by half and found again") {
  TestTable t(17);
  for (std::size_t i = 0; i < 100000; ++i) t.put(t.key(i), t.key(i));
  for (std::size_t i = 0; i < 100000; i += 2) REQUIRE(t.remove(t.key(i)));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 100000; ++i) {
    const Entry* entry = t.find(t.key(i));
    wrong += i % 2 == 0 ? entry != nullptr : entry == nullptr || entry->value() != t.key(i);
  }
  CHECK(wrong == 0);
  CHECK(t.table.size() == 50000);
}

TEST_CASE("a table of steady size keeps its memory however often keys come and go") {
  TestTable t(17);
  for (std::size_t i = 0; i < 10000; ++i) t.put(t.key(i), "v");
  for (std::size_t i = 0; i < 200000; ++i) {
    t.put(t.key(10000 + i), "v");
    REQUIRE(t.remove(t.key(i)));
  }
  CHECK(t.table.size() == 10000);
  CHECK(t.table.memory() < 10000 * 40);
}

TEST_CASE("an emptied table gives its memory back, and so does one that lost nearly all") {
  TestTable t(17);
  const std::size_t empty = t.table.memory();
  for (std::size_t i = 0; i < 50000; ++i) t.put(t.key(i), "v");
  const std::size_t full = t.table.memory();
  for (std::size_t i = 100; i < 50000; ++i) t.remove(t.key(i));
  CHECK(t.table.memory() < full / 10);
  for (std::size_t i = 0; i < 100; ++i) REQUIRE(t.find(t.key(i)) != nullptr);
  for (std::size_t i = 0; i < 100; ++i) t.remove(t.key(i));
  CHECK(t.table.memory() == empty);
  t.put("again", "v");
  CHECK(t.find("again") != nullptr);
}

TEST_CASE("a directory stays small where many hashes share their first bits") {
  TestTable t(17);
  std::vector<std::string> keys;
  for (std::size_t i = 0; keys.size() < 1500; ++i) {
    std::string key = "shared" + std::to_string(i);
    if (t.hasher(key) >> 52 == 0xabc) keys.push_back(std::move(key));
  }
  for (const std::string& key : keys) t.put(key, "v");
  for (const std::string& key : keys) REQUIRE(t.find(key) != nullptr);
  CHECK(t.walk().size() == keys.size());
  CHECK(t.table.memory() < keys.size() * 40);
}

TEST_CASE("memory for the slots follows the number of keys closely") {
  TestTable t(17);
  for (std::size_t i = 0; i < 200000; ++i) {
    t.put(t.key(i), "v");
    if (i > 1000 && i % 1000 == 0) REQUIRE(t.table.memory() < i * 18);
  }
}

TEST_CASE(
    "a prefetch is a hint at any time: for an empty table, a key that is there, one that is not") {
  TestTable t(17);
  for (std::size_t i = 0; i < 5000; ++i) {
    t.table.prefetch(t.hasher(t.key(i)));
    t.table.prefetch_entry(t.hasher(t.key(i)));
    t.put(t.key(i), "v");
    t.table.prefetch_entry(t.hasher(t.key(i)));
    REQUIRE(t.find(t.key(i))->key() == t.key(i));
  }
}

TEST_CASE("a sample can be any entry, and none of an empty table") {
  const std::uint64_t seed = support::test_seed("a sample can be any entry");
  SeededRandom random(seed);
  for (const std::size_t count : {1, 5, 100, 3000}) {
    TestTable t(seed);
    CHECK(t.table.sample(random.next()) == nullptr);
    for (std::size_t i = 0; i < count; ++i) t.put(t.key(i), "v");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < count * 60; ++i) seen.emplace(t.table.sample(random.next())->key());
    CHECK(seen.size() == count);
  }
}

TEST_CASE("an entry can be found by its hash alone") {
  TestTable t(17);
  for (std::size_t i = 0; i < 3000; ++i) t.put(t.key(i), "v", i);
  const auto any = [](const Entry&) { return true; };
  for (std::size_t i = 0; i < 3000; ++i)
    REQUIRE(t.table.find_hash(t.hasher(t.key(i)), any)->key() == t.key(i));
  CHECK(t.table.find_hash(t.hasher(t.key(5)), [](const Entry& e) { return e.lsn() != 5; }) ==
        nullptr);
  CHECK(t.table.find_hash(t.hasher("absent"), any) == nullptr);
}

}  // namespace kimdb::engine
