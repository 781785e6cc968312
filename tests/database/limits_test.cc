// What is answered when memory or the disk is full.
#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

const std::string kOom = "ERROR: OOM command not allowed when used memory > 'maxmemory'.";

std::uint64_t memory(support::TestDb& db) {
  return static_cast<std::uint64_t>(db.database().engine().memory());
}

// Stores values of 1 KB under k0, k1, … until one is refused, or `count` are there.
int fill(support::TestDb& db, int count) {
  const std::string value(1000, 'x');
  for (int i = 0; i < count; ++i)
    if (db.run("SET k" + std::to_string(i) + " " + value) != "OK") return i;
  return count;
}

TEST_CASE("over engine.max_memory with noeviction what needs memory is refused, the rest is not") {
  support::TestDb db;
  db.run("SET counter 1");
  db.database().set_max_memory(memory(db) + 100'000);
  const int stored = fill(db, 1000);
  CHECK(stored > 50);
  CHECK(stored < 110);
  for (const char* line : {"SET a 1", "APPEND counter 1", "INCR counter", "MSET a 1 b 2",
                           "SETRANGE counter 10 x", "COPY counter other", "GETSET counter 2"})
    CHECK_MESSAGE(db.run(line) == kOom, line);
  CHECK(db.run_resp("SET a 1") == "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  CHECK(db.run("GET counter") == "1");
  CHECK(db.run("EXPIRE counter 100") == "1");
  CHECK(db.run("GETDEL counter") == "1");
  CHECK(db.run("DEL k0 k1 k2") == "3");
  CHECK(db.run("SET a 1") == "OK");
}

TEST_CASE("a transaction is refused as one when memory is full") {
  support::TestDb db;
  support::TestSession other(db.database(), 2);
  other.run("MULTI\nSET a 1\nDEL k1");
  db.database().set_max_memory(memory(db) + 20'000);
  fill(db, 1000);
  CHECK(other.run_resp("EXEC") ==
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > "
        "'maxmemory'.\r\n");
  CHECK(db.run("EXISTS a k1") == "1");
  other.run("MULTI");
  CHECK(other.run("SET a 1") == kOom);
  CHECK(other.run("EXEC") == "ERROR: EXECABORT Transaction discarded because of previous errors.");
  CHECK(other.run("MULTI\nDEL k1\nEXEC") == "OK\nQUEUED\n*1\nOK");
}

TEST_CASE("with allkeys-lru the least recently used entries make room") {
  DatabaseOptions options = support::TestDb::in_memory();
  options.evict_lru = true;
  support::TestDb db(options);
  engine::Engine& engine = db.database().engine();
  // The access time is a second that a thread of Database sets.
  const auto pass_a_second = [&] {
    const auto before = engine.access_time();
    db.clock().advance(1000);
    while (engine.access_time() == before) std::this_thread::yield();
  };
  pass_a_second();
  db.database().set_max_memory(memory(db) + 200'000);
  const std::string value(1000, 'x');
  for (int i = 0; i < 150; ++i) CHECK(db.run("SET old" + std::to_string(i) + " " + value) == "OK");
  pass_a_second();
  for (int i = 0; i < 100; ++i) CHECK(db.run("SET new" + std::to_string(i) + " " + value) == "OK");
  CHECK(memory(db) <= db.database().max_memory() + 10'000);
  CHECK(db.database().statistics().evicted > 50);
  int kept_old = 0, kept_new = 0;
  for (int i = 0; i < 100; ++i) {
    kept_old += db.run("EXISTS old" + std::to_string(i)) == "1";
    kept_new += db.run("EXISTS new" + std::to_string(i)) == "1";
  }
  CHECK(kept_new > kept_old);
}

TEST_CASE("on a full disk writes are refused and reads go on, until there is room again") {
  support::SimulatedFilesystem filesystem;
  DatabaseOptions options;
  options.data_directory = "/data";
  options.workers = 1;
  options.log.max_segment_size = 64 << 10;  // so that what is prepared is soon used up
  support::TestDb db(options, filesystem);
  CHECK(db.run("SET a 1") == "OK");
  filesystem.set_capacity(filesystem.used_bytes() + 60'000);
  const std::string value(1000, 'x');
  int stored = 0;
  while (stored < 1000 && db.run("SET k" + std::to_string(stored) + " " + value) == "OK") {
    ++stored;
    wal::Log& log = db.database().log();
    REQUIRE(log.sync_through(log.last_lsn()).has_value());
  }
  REQUIRE(stored < 1000);
  CHECK(db.run("SET b 1") == "ERROR: READONLY disk full (wal.data_directory /data)");
  CHECK(db.run_resp("SET b 1") == "-READONLY disk full (wal.data_directory /data)\r\n");
  CHECK(db.run_resp("DEL a") == "-READONLY disk full (wal.data_directory /data)\r\n");
  CHECK(db.run_resp("MULTI\nSET b 1\nEXEC") ==
        "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: READONLY disk full "
        "(wal.data_directory /data)\r\n");
  CHECK(db.run("GET a") == "1");
  filesystem.set_capacity(std::nullopt);
  while (db.run("SET b 1") != "OK") std::this_thread::yield();
  CHECK(db.run("GET b") == "1");
  CHECK(db.database().close(false).has_value());
}

}  // namespace
}  // namespace kimdb::database
