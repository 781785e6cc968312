// What a Database on a disk promises: replies wait for the log, snapshots are exact.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

DatabaseOptions on_disk() {
  DatabaseOptions options;
  options.data_directory = "/data";
  options.workers = 1;
  return options;
}

TEST_CASE("a reply waits for the sync of what it says, and is never sent when that fails") {
  support::SimulatedFilesystem filesystem;
  support::TestDb db(on_disk(), filesystem);
  wal::Log& log = db.database().log();
  const auto may_send = [&] {
    return db.database().may_send(db.session().outcome().depends_on, Acknowledge::standard);
  };
  db.run("SET a good");
  REQUIRE(log.sync_through(log.last_lsn()));
  CHECK(may_send());
  filesystem.fail_sync_after("in doubt");
  CHECK(db.run("SET a 'in doubt'") == "OK");
  CHECK_FALSE(may_send());
  // Whoever reads it waits as well.
  CHECK(db.run("GET a") == "in doubt");
  CHECK_FALSE(may_send());
  CHECK(log.sync_through(log.last_lsn()).error().code == ErrorCode::io_error);
  CHECK_FALSE(may_send());
}

TEST_CASE("a slave's data directory, opened as it is found, is read and not written") {
  support::SimulatedFilesystem filesystem;
  {
    support::TestDb db(on_disk(), filesystem);
    db.run("SET a 1");
    REQUIRE(db.database().close(false));
  }
  {
    SystemClock clock;
    SystemRandom random;
    auto directory = wal::DataDirectory::open(filesystem, clock, random, "/data");
    REQUIRE(directory);
    REQUIRE((*directory)->update_meta([](wal::Meta& meta) { meta.node_id = {1}; }));
  }
  DatabaseOptions options = on_disk();
  options.as_found = true;
  {
    support::TestDb db(options, filesystem);
    CHECK(db.run("GET a") == "1");
    CHECK(db.run("SET a 2") == "ERROR: write operations not allowed on slave replica");
    CHECK(db.database().log().term() == 1);
    REQUIRE(db.database().close(true));
  }
  support::TestDb db(on_disk(), filesystem);  // as a server that is told to be no slave any more
  CHECK(db.run("GET a") == "1");
  CHECK(db.run("SET a 2") == "OK");
  CHECK(db.database().log().term() == 2);
}

TEST_CASE("a snapshot taken while others write is the exact state") {
  support::SimulatedFilesystem filesystem;
  constexpr std::size_t kWriters = 2;
  std::array<std::atomic<int>, kWriters> written{};
  std::atomic<int> wanted{0};  // keys of each writer
  std::atomic<bool> stop{false};
  const auto want_more = [&](int keys) {
    const int all = wanted += keys;
    // The others are written while the caller goes on.
    while (!stop && written[0] < all - keys / 2) std::this_thread::yield();
  };
  // Whatever else the machine does, keys are written between the parts of a snapshot.
  filesystem.before_writes([&](const std::string& path) {
    if (path.ends_with("/writing.tmp")) want_more(20);
  });
  {
    support::TestDb db(on_disk(), filesystem);
    std::vector<std::thread> threads;
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer] {
        support::TestSession session(db.database(), 10 + writer);
        // Each key is written once: what a snapshot has missed no later record brings back.
        for (int i = 0; !stop; ++i) {
          while (i >= wanted && !stop) std::this_thread::yield();
          session.run("SET " + std::to_string(writer) + ":" + std::to_string(i) + " " +
                      std::to_string(i));
          written[writer] = i + 1;
        }
      });
    }
    for (int snapshots = 0; snapshots < 3; ++snapshots) {
      want_more(5000);
      CHECK(db.database().checkpointer().save());
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    wal::Log& log = db.database().log();
    REQUIRE(log.sync_through(log.last_lsn()));
  }  // as a crash would end it
  support::TestDb db(on_disk(), filesystem);
  CHECK(db.run("DBSIZE") == std::to_string(written[0] + written[1]));
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    int wrong = 0;
    for (int i = 0; i < written[writer]; ++i)
      wrong +=
          db.run("GET " + std::to_string(writer) + ":" + std::to_string(i)) != std::to_string(i);
    CHECK(wrong == 0);
  }
}

}  // namespace
}  // namespace kimdb::database
