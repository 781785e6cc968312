#include "wal/inspect.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

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
  DumpReport dumped;

  // Frames of one record each, LSNs 2 to `last`.
  void write(Lsn last) {
    REQUIRE(log.open());
    for (Lsn lsn = 2; lsn <= last; ++lsn)
      REQUIRE(log.log->sync_through(
          log.append("record " + std::to_string(lsn) + std::string(1000, '.'))));
  }
  // LSNs up to 41, snapshots at 40 and 41, and without the first segments; stopped cleanly.
  void write_with_snapshots() {
    write(40);
    REQUIRE(log.take_snapshot());
    REQUIRE(log.log->sync_through(log.append("record 41")));
    REQUIRE(log.take_snapshot());
    REQUIRE(log.close());
  }
  CheckReport check(const RecordCheck& check_record = {}) {
    auto report = wal::check(filesystem, clock, random, "/data", check_record);
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
  // The lines of a dump; what it reports in `dumped`.
  std::string dump(const DumpOptions& options) {
    std::string text;
    auto report = wal::dump(filesystem, clock, random, "/data", options,
                            [&](std::string_view line) { text += std::string(line) + "\n"; });
    REQUIRE_MESSAGE(report, report.error().message);
    dumped = std::move(*report);
    return text;
  }
  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> all;
    for (const std::string& path : filesystem.files_below("/data"))
      all[path] = filesystem.contents(path);
    all.erase("/data/LOCK");
    return all;
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
  const auto files = fixture.files();
  const CheckReport report = fixture.check();
  CHECK(report.sound());
  CHECK(report.scan.end.lsn == 40);
  REQUIRE(report.snapshots.size() == 1);
  CHECK(report.snapshots[0].items == 39);
  CHECK(describe(report).back() == "sound");
  CHECK(fixture.files() == files);
}

TEST_CASE("check names damage in the log, and the command that repairs it") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.close());
  fixture.damage("record 10");
  const CheckReport report = fixture.check();
  REQUIRE(report.scan.damage);
  CHECK(report.scan.damage->lsn == 10);
  CHECK(!report.sound());
  const std::vector<std::string> lines = describe(report);
  CHECK(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("DAMAGED: /data/log/1-1.wal, offset ");
  }));
  CHECK(lines.back() == "  kimdb-cli wal repair /data --truncate-at 10 --accept-data-loss");
}

TEST_CASE("check reports a damaged snapshot, although a start would do without it") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.take_snapshot());
  REQUIRE(fixture.log.close());
  const std::string path = "/data/snapshots/20.1.snap";
  fixture.filesystem.flip_bit(path, 8 * fixture.filesystem.contents(path).find("record 10"));
  const CheckReport report = fixture.check();
  CHECK(!report.scan.damage);
  REQUIRE(report.snapshots.size() == 1);
  CHECK(report.snapshots[0].damage);
  CHECK(!report.sound());
  CHECK(describe(report).back() == "DAMAGED: see above");
}

TEST_CASE("check counts the records that its caller cannot read, and names the first") {
  Fixture fixture;
  fixture.write(40);
  REQUIRE(fixture.log.close());
  const CheckReport report = fixture.check([](std::string_view record) -> Status {
    if (record.starts_with("record 2") || record.starts_with("record 1"))
      return Error{ErrorCode::corrupt, "unheard of"};
    return {};
  });
  CHECK(report.malformed_records == 21);  // 2, 10 to 19, 20 to 29
  REQUIRE(report.malformed.size() == 10);
  CHECK(report.malformed[1] == "record at LSN 10: unheard of");
  CHECK(!report.scan.damage);
  CHECK(!report.sound());
}

TEST_CASE("what cannot be read is an error, not damage") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.take_snapshot());
  REQUIRE(fixture.log.close());
  std::size_t errors = 0;
  for (std::uint64_t call = 1;; ++call) {
    fixture.filesystem.fail_call(call, support::Fault::io_error);
    const auto report = wal::check(fixture.filesystem, fixture.clock, fixture.random, "/data");
    if (!fixture.filesystem.fault_happened()) break;
    CAPTURE(call);
    REQUIRE(!report);
    CHECK(report.error().code == ErrorCode::io_error);
    ++errors;
  }
  CHECK(errors > 10);
}

TEST_CASE("check and dump refuse what is no data directory, and make none") {
  Fixture fixture;
  REQUIRE(fixture.filesystem.make_directories("/other"));
  CHECK(wal::check(fixture.filesystem, fixture.clock, fixture.random, "/other").error().code ==
        ErrorCode::not_found);
  CHECK(fixture.filesystem.files_below("/other").empty());
}

TEST_CASE("dump shows the records in a range, escaped where nobody says what they are") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.log->sync_through(fixture.log.append("tab\tand \\")));
  REQUIRE(fixture.log.close());
  const std::string text = fixture.dump({.from = 20});
  CHECK(text.starts_with("20 "));
  CHECK(text.find(" record 20" + std::string(55, '.') + "… (1009 bytes)\n21 ") !=
        std::string::npos);
  CHECK(text.ends_with(" tab\\x09and \\x5c\n"));
  CHECK(!fixture.dumped.damage);
  const std::string two = fixture.dump({.limit = 2});
  CHECK(two.starts_with("2 "));
  CHECK(two.find("\n3 ") != std::string::npos);
  CHECK(two.find("record 4") == std::string::npos);
}

TEST_CASE("dump shows a line for each line of what the caller makes of a record") {
  Fixture fixture;
  fixture.write(2);
  REQUIRE(fixture.log.close());
  const std::string text = fixture.dump({.describe = [](std::string_view record) {
    return std::string(record.substr(0, 8)) + "\nb";
  }});
  const std::string begin = text.substr(0, text.find("record"));
  CHECK(text == begin + "record 2\n" + begin + "b\n");
}

TEST_CASE("dump ends at damage and reads on behind it where it is told to begin there") {
  Fixture fixture;
  fixture.write(40);  // several segments
  REQUIRE(fixture.log.close());
  fixture.damage("record 10.");
  const std::string text = fixture.dump({});
  CHECK(text.find("record 9.") != std::string::npos);
  CHECK(text.find("record 11.") == std::string::npos);
  REQUIRE(fixture.dumped.damage);
  CHECK(fixture.dumped.damage->lsn == 10);
  CHECK(fixture.dump({.from = 40}).starts_with("40 "));
  CHECK(!fixture.dumped.damage);
}

TEST_CASE("dump needs no snapshot, and says where the log begins") {
  Fixture fixture;
  fixture.write_with_snapshots();
  for (const std::string& path : fixture.filesystem.files_below("/data/snapshots"))
    fixture.filesystem.flip_bit(path, 0);
  const std::string text = fixture.dump({});
  CHECK(fixture.dumped.log_begins > 2);
  CHECK(!fixture.dumped.damage);
  CHECK(text.starts_with(std::to_string(fixture.dumped.log_begins) + " "));
  CHECK(text.ends_with(" record 41\n"));
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

TEST_CASE("repair cuts nowhere but where the damage begins") {
  Fixture fixture;
  fixture.write(20);
  REQUIRE(fixture.log.close());
  auto files = fixture.files();
  auto refused = fixture.repair(11);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::invalid_argument);
  CHECK(refused.error().message.find("sound up to LSN 20") != std::string::npos);
  CHECK(fixture.files() == files);

  fixture.damage("record 17");
  files = fixture.files();
  for (const Lsn wrong : {Lsn{0}, Lsn{16}, Lsn{18}, ~Lsn{0}}) {
    refused = fixture.repair(wrong);
    REQUIRE(!refused);
    CHECK(refused.error().code == ErrorCode::invalid_argument);
    CHECK(refused.error().message.find("--truncate-at 17 ") != std::string::npos);
  }
  CHECK(fixture.files() == files);
}

TEST_CASE("repair moves away what lies behind a missing segment") {
  Fixture fixture;
  fixture.write(40);  // several segments
  REQUIRE(fixture.log.close());
  const std::string missing = fixture.path_of("record 20.");
  REQUIRE(missing != fixture.path_of("record 40."));
  REQUIRE(fixture.filesystem.remove(missing));
  const Lsn lsn = fixture.check().scan.damage->lsn;
  CHECK(lsn == parse_segment_name(missing.substr(missing.rfind('/') + 1))->first_lsn);
  REQUIRE(fixture.repair(lsn));
  CHECK(fixture.path_of("record 40.").ends_with(".broken"));
  CHECK(fixture.check().sound());
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.recovered.last_lsn() == lsn - 1);
}

TEST_CASE("repair sets snapshots behind the new end aside, and no earlier copy is lost by it") {
  Fixture fixture;
  fixture.write(8);
  REQUIRE(fixture.log.take_snapshot());
  fixture.filesystem.set_contents("/data/snapshots/12.1.snap.broken", "of an earlier repair");
  for (Lsn lsn = 9; lsn <= 12; ++lsn) {
    REQUIRE(fixture.log.log->sync_through(fixture.log.append("record " + std::to_string(lsn))));
  }
  REQUIRE(fixture.log.take_snapshot());
  REQUIRE(fixture.log.close());
  fixture.damage("record 10");
  const std::vector<std::string> lines = describe(fixture.check());
  CHECK(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("The snapshot at LSN 12 lies behind that");
  }));
  const auto done = fixture.repair(10);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(done->back() == "what was there is kept in /data/snapshots/12.1.snap.2.broken");
  CHECK(fixture.filesystem.contents("/data/snapshots/12.1.snap.broken") == "of an earlier repair");
  CHECK(fixture.check().sound());
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.recovered.last_lsn() == 9);
  CHECK(fixture.log.records.size() == 8);
}

TEST_CASE("repair refuses where nothing older than the newest snapshot is sound") {
  Fixture fixture;
  fixture.write_with_snapshots();
  fixture.filesystem.flip_bit("/data/snapshots/40.1.snap", 0);
  fixture.damage("record 40");
  REQUIRE(fixture.check().scan.damage->lsn == 40);
  const auto files = fixture.files();
  const auto refused = fixture.repair(40);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::invalid_argument);
  CHECK(refused.error().message.find("restore a backup") != std::string::npos);
  CHECK(fixture.files() == files);
}

TEST_CASE("a repair that was interrupted anywhere can be done again") {
  std::size_t interrupted = 0;
  for (std::uint64_t call = 1;; ++call) {
    CAPTURE(call);
    Fixture fixture;
    fixture.write(40);  // several segments
    REQUIRE(fixture.log.take_snapshot());
    REQUIRE(fixture.log.close());
    fixture.damage("record 40");
    const Lsn lsn = fixture.check().scan.damage->lsn;
    fixture.filesystem.fail_call(call, support::Fault::io_error);
    const auto first = fixture.repair(lsn);
    if (!fixture.filesystem.fault_happened()) break;
    if (!first) ++interrupted;
    fixture.filesystem.fail_call(0, support::Fault::io_error);
    const CheckReport report = fixture.check();
    if (report.scan.damage) {
      REQUIRE(report.scan.damage->lsn == lsn);
      REQUIRE(fixture.repair(lsn));
    }
    REQUIRE(fixture.log.recover_only());
    CHECK(fixture.log.recovered.last_lsn() == lsn - 1);
    CHECK(fixture.log.records.size() == lsn - 2);
  }
  CHECK(interrupted > 20);
}

}  // namespace
}  // namespace kimdb::wal
