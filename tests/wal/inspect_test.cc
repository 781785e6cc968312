#include "wal/inspect.h"

#include <doctest/doctest.h>

#include "tests/support/simulated_filesystem.h"
#include "tests/wal/test_log.h"

namespace kimdb::wal {
namespace {

using support::SimulatedFilesystem;

struct Fixture {
  SimulatedFilesystem filesystem;
  TestLog log{filesystem};
  SystemClock clock;
  SeededRandom random{5};

  // Frames of one record each, LSNs 2 to `last`; stopped cleanly.
  void write(Lsn last) {
    REQUIRE(log.open());
    for (Lsn lsn = 2; lsn <= last; ++lsn)
      REQUIRE(log.log->sync_through(
          log.append("record " + std::to_string(lsn) + std::string(1000, '.'))));
  }
  CheckReport check() {
    auto report = wal::check(filesystem, clock, random, "/data");
    REQUIRE_MESSAGE(report, report.error().message);
    return std::move(*report);
  }
  std::string path_of(std::string_view text) {
    for (const std::string& path : filesystem.files_below("/data/log")) {
      if (filesystem.contents(path).find(text) != std::string::npos) return path;
    }
    return "";
  }
  void damage(std::string_view text) {
    const std::string path = path_of(text);
    REQUIRE(!path.empty());
    filesystem.flip_bit(path, 8 * filesystem.contents(path).find(text));
  }
  Result<std::vector<std::string>> repair(Lsn at) {
    return wal::repair(filesystem, clock, random, "/data",
                       {.truncate_at = at, .accept_data_loss = true});
  }
};

TEST_CASE("check says that a good log is good, and changes nothing") {
  Fixture fixture;
  fixture.write(40);
  REQUIRE(fixture.log.take_snapshot());
  REQUIRE(fixture.log.close());
  const auto files = fixture.filesystem.files_below("/data");
  const CheckReport report = fixture.check();
  CHECK(report.good());
  CHECK(report.scan.end.lsn == 40);
  REQUIRE(report.snapshots.size() == 1);
  CHECK(report.snapshots[0].items == 39);
  CHECK(describe(report).back() == "good");
  CHECK(fixture.filesystem.files_below("/data") == files);
}

TEST_CASE("check names damage in the log and in a snapshot") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.close());
  fixture.damage("record 10");
  CheckReport report = fixture.check();
  REQUIRE(report.scan.damage);
  CHECK(report.scan.damage->lsn == 10);
  CHECK(!report.good());
  CHECK(describe(report).back().starts_with("DAMAGE at /data/log/1-1.wal, offset "));
}

TEST_CASE("check and dump refuse what is no data directory, and make none") {
  Fixture fixture;
  REQUIRE(fixture.filesystem.make_directories("/other"));
  CHECK(wal::check(fixture.filesystem, fixture.clock, fixture.random, "/other").error().code ==
        ErrorCode::not_found);
  CHECK(fixture.filesystem.files_below("/other").empty());
}

TEST_CASE("dump shows segments, frames and records in a range") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.close());
  std::string text;
  REQUIRE(dump(fixture.filesystem, fixture.clock, fixture.random, "/data",
               {.from = 1, .through = 3, .record_bytes_max = 8},
               [&](std::string_view line) { text += std::string(line) + "\n"; }));
  CHECK(text.find("segment /data/log/1-1.wal") != std::string::npos);
  CHECK(text.find("LSN 1, begins the term, term 1") != std::string::npos);
  CHECK(text.find("    3: 1008 bytes: record 3…") != std::string::npos);
  CHECK(text.find("record 4") == std::string::npos);
}

TEST_CASE("repair gives up what is behind an LSN, keeps copies, and the server starts again") {
  Fixture fixture;
  fixture.write(40);  // several segments
  REQUIRE(fixture.log.close());
  fixture.damage("record 17");
  REQUIRE(!fixture.log.recover_only());
  fixture.log.die();
  CHECK(wal::repair(fixture.filesystem, fixture.clock, fixture.random, "/data", {.truncate_at = 17})
            .error()
            .code == ErrorCode::invalid_argument);
  const auto done = fixture.repair(17);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(done->at(0) == "the log now ends at LSN 16");
  CHECK(done->size() >= 3);
  CHECK(fixture.path_of("record 40").ends_with(".broken"));
  REQUIRE(fixture.log.open());
  CHECK(fixture.log.recovered.last_lsn() == 16);
  CHECK(fixture.log.records.size() == 15);
  REQUIRE(fixture.log.log->sync_through(fixture.log.append("on")));
  fixture.log.die();
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.records.size() == 16);
}

TEST_CASE("repair goes back before a snapshot where it is told to") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.take_snapshot());
  REQUIRE(fixture.log.log->sync_through(fixture.log.append("behind")));
  REQUIRE(fixture.log.close());
  REQUIRE(fixture.repair(11));
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.recovered.last_lsn() == 10);
  CHECK(fixture.log.records.size() == 9);
}

}  // namespace
}  // namespace kimdb::wal
