#include "wal/log.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/posix_filesystem.h"
#include "tests/support/temporary_directory.h"

namespace kimdb::wal {
namespace {

// A data directory on the real disk, with what is needed to open it.
struct Fixture {
  support::TemporaryDirectory temporary;
  PosixFilesystem filesystem;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<DataDirectory> directory;
  std::map<Lsn, std::string> records;  // that the last recovery visited
  Recovered recovered;
  std::unique_ptr<Log> log;

  void open(LogOptions options = {}) {
    auto opened = DataDirectory::open(filesystem, clock, random, temporary.path() + "/data");
    REQUIRE_MESSAGE(opened, opened.error().message);
    directory = std::move(*opened);
    records.clear();
    auto result = recover(*directory, {}, [&](std::span<const RecordView> views) -> Status {
      for (const RecordView& view : views) records.emplace(view.lsn, view.bytes);
      return {};
    });
    REQUIRE_MESSAGE(result, result.error().message);
    recovered = std::move(*result);
    auto started = Log::open(*directory, recovered, options, {});
    REQUIRE_MESSAGE(started, started.error().message);
    log = std::move(*started);
  }
  void crash() {
    log.reset();
    directory.reset();
  }
  void stop() {
    const Status closed = log->close();
    REQUIRE_MESSAGE(closed, closed.error().message);
    crash();
  }
  Lsn append(std::string_view record) {
    return log->append(record.size(), [&](char* out, Lsn) { record.copy(out, record.size()); });
  }
};

LogOptions with(Sync sync) {
  LogOptions options;
  options.sync = sync;
  return options;
}

TEST_CASE("records that were appended are there after a clean stop, with their LSNs") {
  for (const Sync sync : {Sync::commit, Sync::interval, Sync::off}) {
    Fixture fixture;
    fixture.open(with(sync));
    CHECK(fixture.log->last_lsn() == 1);  // the term
    CHECK(fixture.append("one") == 2);
    CHECK(fixture.append("") == 3);
    CHECK(fixture.append("three") == 4);
    CHECK(fixture.log->last_lsn() == 4);
    fixture.stop();
    fixture.open(with(sync));
    CHECK(fixture.records == std::map<Lsn, std::string>{{2, "one"}, {3, ""}, {4, "three"}});
    CHECK(fixture.log->last_lsn() == 5);
    CHECK(fixture.log->term() == 2);
    CHECK(fixture.recovered.warnings.empty());
  }
}

TEST_CASE("what sync_through or commit_here has returned for survives an end without a stop") {
  Fixture fixture;
  fixture.open();
  REQUIRE(fixture.log->sync_through(fixture.append("a")));
  const Lsn lsn = fixture.append("b");
  while (!fixture.log->commit_here(lsn))
    std::this_thread::yield();  // false while the writer is at it
  CHECK(fixture.log->committed_lsn() == 3);
  fixture.crash();
  fixture.open();
  CHECK(fixture.records == std::map<Lsn, std::string>{{2, "a"}, {3, "b"}});
}

TEST_CASE(
    "many threads append and wait, and every record is in the log once, in each thread's order") {
  for (const Sync sync : {Sync::commit, Sync::interval, Sync::off}) {
    Fixture fixture;
    LogOptions options = with(sync);
    options.max_segment_size = 300 << 10;
    fixture.open(options);
    std::vector<std::thread> threads;
    constexpr int kThreads = 4, kRecords = 5000;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kRecords; ++i) {
          const std::string record = std::to_string(t) + ":" + std::to_string(i) +
                                     std::string(static_cast<std::size_t>(i % 200), '.');
          if (!fixture.log->reserve(record.size())) continue;
          const Lsn lsn = fixture.append(record);
          if (i % 50 == 0 && !fixture.log->commit_here(lsn)) fixture.log->request_sync(lsn);
          if (i % 500 == 0) ignore(fixture.log->sync_through(lsn), "seen below");
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    fixture.stop();
    fixture.open(options);
    REQUIRE(fixture.records.size() == kThreads * kRecords);
    CHECK(fixture.recovered.last_lsn() == kThreads * kRecords + 1);
    std::map<int, int> next;
    for (const auto& [lsn, record] : fixture.records) {
      const int t = record[0] - '0';
      REQUIRE(record.substr(2, record.find('.') == std::string::npos
                                   ? std::string::npos
                                   : record.find('.') - 2) == std::to_string(next[t]++));
    }
    fixture.stop();
  }
}

}  // namespace
}  // namespace kimdb::wal
