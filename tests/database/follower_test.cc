#include "database/follower.h"

#include <doctest/doctest.h>

namespace kimdb::database {
namespace {

struct Fixture {
  void keep(Lsn lsn, const std::string& key, const std::string& value) {
    std::string bytes;
    engine::append_encoded(bytes, {.key = key, .value = value});
    const wal::RecordView record{.lsn = lsn, .bytes = bytes};
    follower.keep({&record, 1}, lsn);
  }
  std::string value_of(const std::string& key) {
    const std::uint64_t hash = engine.hash(key);
    MutexLock lock(engine.partition_of(hash).mutex());
    const engine::Entry* entry = engine.partition_of(hash).find(0, key, hash);
    return entry == nullptr ? "(none)" : std::string(entry->value());
  }

  engine::Engine engine{{.partitions = 4, .hash_seed = 1}};
  Follower follower{engine};
};

TEST_CASE_FIXTURE(Fixture, "records are applied when they are committed, each once") {
  keep(1, "a", "1");
  keep(2, "a", "2");
  keep(3, "b", "3");
  CHECK(value_of("a") == "(none)");
  REQUIRE(follower.apply_through(2));
  CHECK(value_of("a") == "2");
  CHECK(value_of("b") == "(none)");
  CHECK(follower.applied_lsn() == 2);
  keep(2, "a", "again");
  keep(3, "b", "again");
  REQUIRE(follower.apply_through(3));
  CHECK(value_of("a") == "2");
  CHECK(value_of("b") == "3");
}

TEST_CASE_FIXTURE(Fixture, "LSNs of the log's own records count as applied") {
  keep(1, "a", "1");
  follower.keep({}, 2);  // a term
  REQUIRE(follower.apply_through(2));
  CHECK(follower.applied_lsn() == 2);
  REQUIRE(follower.apply_through(9));  // committed, not here yet
  CHECK(follower.applied_lsn() == 2);
}

TEST_CASE_FIXTURE(Fixture, "what was cut from the log is forgotten, and comes anew") {
  follower.start_from(10);
  keep(9, "old", "x");
  keep(11, "a", "1");
  keep(12, "a", "lost");
  follower.drop_behind(11);
  keep(12, "a", "2");
  REQUIRE(follower.apply_through(12));
  CHECK(value_of("a") == "2");
  CHECK(value_of("old") == "(none)");
  CHECK(follower.applied_lsn() == 12);
}

TEST_CASE_FIXTURE(Fixture, "a record that cannot be read stops the applying there") {
  keep(1, "a", "1");
  const wal::RecordView record{.lsn = 2, .bytes = "\xff nothing"};
  follower.keep({&record, 1}, 2);
  keep(3, "b", "3");
  CHECK(!follower.apply_through(3));
  CHECK(follower.applied_lsn() == 1);
  CHECK(value_of("b") == "(none)");
}

}  // namespace
}  // namespace kimdb::database
