#include "engine/partition.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

// One partition, written to as a single writer without readers does.
struct TestPartition {
  Lsn apply(Operation operation, Lsn horizon = ~Lsn{0}) {
    operation.hash = hasher(operation.key);
    partition.apply({.lsn = ++lsn, .horizon = horizon}, operation);
    return lsn;
  }
  Lsn put(std::string_view key, std::string_view value, std::int64_t expires_at = 0) {
    return apply({.expires_at = expires_at, .key = key, .value = value});
  }
  Lsn remove(std::string_view key) { return apply({.kind = OperationKind::remove, .key = key}); }
  const Entry* find(std::string_view key, std::uint8_t keyspace = 0) {
    return partition.find(keyspace, key, hasher(key));
  }
  std::string value(std::string_view key) {
    const Entry* entry = find(key);
    return entry == nullptr ? "(nothing)" : std::string(entry->value());
  }

  Hasher hasher{17};
  Partition partition{hasher, 0};
  Lsn lsn = 0;
};

}  // namespace

TEST_CASE("put inserts, replaces and says when it did") {
  TestPartition p;
  p.put("k", "first");
  CHECK(p.value("k") == "first");
  CHECK(p.find("k")->lsn() == 1);
  p.put("k", "other");  // of the same size: in place
  CHECK(p.value("k") == "other");
  CHECK(p.find("k")->lsn() == 2);
  p.put("k", "of another size", 5000);
  CHECK(p.find("k")->expires_at() == 5000);
  CHECK(p.partition.size(0) == 1);
  CHECK(p.partition.expiring(0) == 1);
  CHECK(p.partition.last_lsn() == 3);
  CHECK(p.partition.last_removed_lsn() == 0);
}

TEST_CASE("remove takes the entry away and is remembered") {
  TestPartition p;
  p.put("k", "v", 5000);
  CHECK(p.remove("k") == 2);
  CHECK(p.find("k") == nullptr);
  CHECK(p.partition.size(0) == 0);
  CHECK(p.partition.expiring(0) == 0);
  CHECK(p.partition.last_removed_lsn() == 2);
}

TEST_CASE("set_expiry changes the time alone") {
  TestPartition p;
  p.put("k", "v");
  p.apply({.kind = OperationKind::set_expiry, .expires_at = 7000, .key = "k"});
  CHECK(p.find("k")->expires_at() == 7000);
  CHECK(p.value("k") == "v");
  CHECK(p.find("k")->lsn() == 2);
  CHECK(p.partition.expiring(0) == 1);
  p.apply({.kind = OperationKind::set_expiry, .expires_at = 0, .key = "k"});
  CHECK(p.find("k")->expires_at() == 0);
  CHECK(p.partition.expiring(0) == 0);
}

TEST_CASE("write_range writes into a value, lengthens it, fills a gap and keeps the expiry time") {
  TestPartition p;
  const auto write = [&](std::uint64_t offset, std::string_view bytes) {
    p.apply({.kind = OperationKind::write_range, .number = offset, .key = "k", .value = bytes});
    return p.value("k");
  };
  CHECK(write(0, "hello") == "hello");
  p.apply({.kind = OperationKind::set_expiry, .expires_at = 7000, .key = "k"});
  CHECK(write(1, "ipp") == "hippo");
  CHECK(write(4, "odrome") == "hippodrome");
  CHECK(write(12, "!") == std::string("hippodrome\0\0!", 13));
  CHECK(p.find("k")->expires_at() == 7000);
  CHECK(p.find("k")->lsn() == 5);
}

TEST_CASE("flush empties one keyspace or every one") {
  TestPartition p;
  for (std::uint8_t keyspace = 0; keyspace < 3; ++keyspace)
    p.apply({.keyspace = keyspace, .expires_at = 5000, .key = "k", .value = "v"});
  p.apply({.kind = OperationKind::flush, .keyspace = 1});
  CHECK(p.find("k", 0) != nullptr);
  CHECK(p.find("k", 1) == nullptr);
  CHECK(p.partition.last_removed_lsn() == 4);
  p.apply({.kind = OperationKind::flush, .keyspace = kEveryKeyspace});
  CHECK(p.find("k", 0) == nullptr);
  CHECK(p.find("k", 2) == nullptr);
  CHECK(p.partition.size(2) == 0);
  CHECK(p.partition.expiring(2) == 0);
}

TEST_CASE("the last LSN never falls, in whatever order a snapshot's entries come") {
  TestPartition p;
  for (const Lsn lsn : {5, 9, 3})
    p.partition.apply({.lsn = lsn}, {.key = std::to_string(lsn), .value = "v"});
  CHECK(p.partition.last_lsn() == 9);
}

TEST_CASE("next_expired gives each entry at its time, earliest first, and none before") {
  const std::uint64_t seed = support::test_seed("next_expired gives each entry at its time");
  SeededRandom random(seed);
  TestPartition p;
  std::map<std::string, std::int64_t> times;
  std::int64_t now = 1000;
  for (int step = 0; step < 60000; ++step) {
    const std::string key = "k" + std::to_string(random.below(300));
    const auto time = now + 1 + static_cast<std::int64_t>(random.below(400));
    const std::uint64_t choice = random.below(10);
    if (choice < 5) {
      p.put(key, random.below(2) == 0 ? "v" : "longer", choice < 4 ? time : 0);
      times[key] = choice < 4 ? time : 0;
    } else if (choice < 7 && times.contains(key)) {
      p.apply({.kind = OperationKind::set_expiry, .expires_at = time, .key = key});
      times[key] = time;
    } else if (choice < 8 && times.contains(key)) {
      p.remove(key);
      times.erase(key);
    } else if (random.below(2000) == 0) {
      p.apply({.kind = OperationKind::flush, .keyspace = 0});
      times.clear();
    } else {
      ++now;
    }
    std::int64_t earliest = INT64_MAX;
    for (const auto& [name, expires_at] : times)
      if (expires_at != 0) earliest = std::min(earliest, expires_at);
    REQUIRE(p.partition.next_expiry() <= earliest);
    const auto expired = p.partition.next_expired(now);
    REQUIRE(expired.has_value() == (earliest <= now));
    if (expired) {
      const std::string name(expired->entry->key());
      REQUIRE(times.at(name) <= now);
      REQUIRE(expired->hash == p.hasher(name));
      p.remove(name);
      times.erase(name);
    } else {
      // What is told without the lock gets exact once the outdated items in front are gone.
      REQUIRE(p.partition.next_expiry() > now);
    }
  }
}

TEST_CASE("keys that get a new expiry time over and over take no more memory") {
  TestPartition p;
  for (int i = 0; i < 100; ++i) p.put("k" + std::to_string(i), "v", 1000);
  const auto memory = p.partition.memory();
  for (int i = 0; i < 100000; ++i)
    p.put("k" + std::to_string(i % 100), "v", 2000 + (i % 3 == 0 ? i : -i % 1000));
  CHECK(p.partition.memory() < memory + 16384);
  CHECK(p.partition.expiring(0) == 100);
  for (int i = 0; i < 100000; ++i) {  // one time, put and removed in turns
    p.put("again", "v", 5000);
    p.remove("again");
  }
  CHECK(p.partition.memory() < memory + 16384);
}

TEST_CASE("removing everything gives the memory back, expiry times and old versions included") {
  TestPartition p;
  const auto empty = p.partition.memory();
  for (int i = 0; i < 20000; ++i) p.put("k" + std::to_string(i), "value", i % 2 == 0 ? 9000 : 0);
  CHECK(p.partition.memory() > 20000 * 40);
  for (int i = 0; i < 20000; ++i)
    p.apply({.kind = OperationKind::remove, .key = "k" + std::to_string(i)},
            i < 10000 ? 20000 : ~Lsn{0});
  while (p.partition.prune_undo(~Lsn{0})) {
  }
  CHECK(p.partition.memory() == empty);
  for (int i = 0; i < 20000; ++i) p.put("k" + std::to_string(i), "value", 9000);
  p.apply({.kind = OperationKind::flush, .keyspace = 0});
  CHECK(p.partition.memory() == empty);
}

TEST_CASE("old versions that nobody needs go a few with each change, never all at once") {
  TestPartition p;
  for (int i = 0; i < 10000; ++i) p.apply({.key = "k", .value = std::to_string(i)}, /*horizon=*/0);
  CHECK(p.partition.undo().size() == 10000);
  p.put("k", "v");
  CHECK(p.partition.undo().size() > 9000);
  for (int i = 0; i < 5000; ++i) p.put("k", "v");
  CHECK(p.partition.undo().empty());
}

}  // namespace kimdb::engine
