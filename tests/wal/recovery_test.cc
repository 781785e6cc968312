#include "wal/recovery.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/simulated_filesystem.h"
#include "tests/wal/test_log.h"
#include "wal/segment_reader.h"

namespace kimdb::wal {
namespace {

using support::SimulatedFilesystem;

struct Fixture {
  SimulatedFilesystem filesystem;
  TestLog log{filesystem};

  std::string last_segment() {
    SegmentName last;
    for (const std::string& path : filesystem.files_below("/data/log")) {
      const auto name = parse_segment_name(path.substr(path.find_last_of('/') + 1));
      if (name && name->sequence > last.sequence) last = *name;
    }
    return "/data/log/" + to_file_name(last);
  }
  std::vector<std::string> broken_files() {
    std::vector<std::string> paths = filesystem.files_below("/data/log");
    std::erase_if(paths, [](const std::string& path) { return !path.ends_with(".broken"); });
    return paths;
  }
  void append_synced(std::string_view record) {
    REQUIRE(log.log->sync_through(log.append(record)));
  }
};

TEST_CASE("a torn last frame is dropped on recovery, and a copy of it kept") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  fixture.append_synced("first");
  fixture.append_synced("second");
  fixture.append_synced(std::string(2000, 'x'));
  fixture.log.die();
  const std::string path = fixture.last_segment();
  std::string bytes = fixture.filesystem.contents(path);
  const std::size_t torn = bytes.find("xxxx") + 1000;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(torn), bytes.end(), '\0');
  fixture.filesystem.set_contents(path, bytes);

  REQUIRE(fixture.log.open());
  CHECK(fixture.log.records == std::map<Lsn, std::string>{{2, "first"}, {3, "second"}});
  REQUIRE(fixture.log.recovered.warnings.size() == 1);
  REQUIRE(fixture.broken_files() == std::vector<std::string>{path + ".broken"});
  CHECK(fixture.filesystem.contents(path + ".broken").find("xxxx") != std::string::npos);
  CHECK(fixture.log.recovered.warnings[0].find(path + ".broken") != std::string::npos);
  fixture.append_synced("third");
  REQUIRE(fixture.log.close());
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.records ==
        std::map<Lsn, std::string>{{2, "first"}, {3, "second"}, {5, "third"}});
  CHECK(fixture.log.recovered.warnings.empty());
}

TEST_CASE("frames behind a torn one that nobody was told of go with it, later segments too") {
  Fixture fixture;
  fixture.log.options.sync = Sync::off;
  REQUIRE(fixture.log.open());
  for (int i = 0; i < 4; ++i) {
    fixture.log.append(std::string(12000, static_cast<char>('a' + i)));  // one segment each
    while (fixture.log.log->written_bytes() < 12000u * static_cast<unsigned>(i + 1))
      fixture.log.log->request_sync(0);
  }
  fixture.log.die();
  std::vector<std::string> segments;
  for (const std::string& path : fixture.filesystem.files_below("/data/log")) {
    if (path.ends_with(".wal")) segments.push_back(path);
  }
  REQUIRE(segments.size() >= 4);
  const std::size_t second = segments.size() - 3;
  fixture.filesystem.flip_bit(segments[second], 8 * 9000);
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.recovered.warnings.size() == 3);  // a torn tail and two whole segments
  CHECK(fixture.broken_files().size() == 3);
  const auto found = fixture.log.records;
  CHECK(found.size() == second);
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.records == found);
  CHECK(fixture.log.recovered.warnings.empty());
}

TEST_CASE(
    "after an unclean stop the active segment is written anew, with another salt and the same "
    "records") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  fixture.append_synced("a");
  fixture.append_synced("b");
  fixture.log.die();
  const std::string path = fixture.last_segment();
  const std::uint64_t salt = SegmentReader::open(fixture.filesystem, path)->header().salt;
  REQUIRE(fixture.log.recover_only());
  CHECK(SegmentReader::open(fixture.filesystem, path)->header().salt != salt);
  CHECK(fixture.log.records == std::map<Lsn, std::string>{{2, "a"}, {3, "b"}});

  // After a clean stop there is no doubt, and nothing is written.
  REQUIRE(fixture.log.open());
  REQUIRE(fixture.log.close());
  const std::uint64_t last_salt =
      SegmentReader::open(fixture.filesystem, fixture.last_segment())->header().salt;
  REQUIRE(fixture.log.recover_only());
  CHECK(SegmentReader::open(fixture.filesystem, fixture.last_segment())->header().salt ==
        last_salt);
}

TEST_CASE("segments are read in the order of their numbers, 2 before 10") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  for (int i = 0; i < 15; ++i) fixture.append_synced(std::string(9000, static_cast<char>('a' + i)));
  const auto whole = fixture.log.records;
  REQUIRE(fixture.log.close());
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.records == whole);
  const auto segments = fixture.log.directory->list_segments();
  REQUIRE(segments->size() > 10);
  for (std::size_t i = 0; i < segments->size(); ++i) CHECK((*segments)[i].sequence == i + 1);
}

TEST_CASE("a record larger than a segment gets a segment of its own, and the limit holds") {
  Fixture fixture;
  fixture.log.options.max_transaction_size = 1 << 20;
  REQUIRE(fixture.log.open());
  fixture.append_synced("small");
  REQUIRE(fixture.log.log->reserve(1 << 20));
  fixture.append_synced(std::string(1 << 20, 'L'));
  fixture.append_synced("small again");
  CHECK(fixture.log.log->reserve((1 << 20) + 1).error().code == ErrorCode::too_large);
  const auto whole = fixture.log.records;
  REQUIRE(fixture.log.close());
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.records == whole);
  CHECK(fixture.log.directory->list_segments()->size() >= 2);
}

TEST_CASE(
    "a log that idles says in a watermark what is synced, so that its last frame is covered") {
  Fixture fixture;
  fixture.log.options.idle_timeout = std::chrono::milliseconds(2);
  REQUIRE(fixture.log.open());
  const Lsn lsn = fixture.log.append("last");
  while (!fixture.log.log->commit_here(lsn)) std::this_thread::yield();
  const std::string path = fixture.last_segment();
  const auto noted = [&] {
    auto reader = SegmentReader::open(fixture.filesystem, path);
    Lsn durable = 0;
    while (auto frame = *reader->next()) durable = std::max(durable, frame->header.durable_lsn);
    return durable;
  };
  while (noted() < lsn) std::this_thread::yield();
  fixture.log.die();
  // Now damage to the last frame is no torn tail.
  fixture.filesystem.flip_bit(path, 8 * (fixture.filesystem.contents(path).find("last") + 1));
  CHECK(fixture.log.recover_only().error().code == ErrorCode::corrupt);
}

TEST_CASE(
    "each start begins a term, META and log agree on where, and a lost META term is not given out "
    "again") {
  Fixture fixture;
  for (std::uint64_t term = 1; term <= 3; ++term) {
    REQUIRE(fixture.log.open());
    CHECK(fixture.log.log->term() == term);
    fixture.append_synced("r");
    REQUIRE(fixture.log.close());
  }
  const std::string meta = fixture.filesystem.contents("/data/META");
  REQUIRE(fixture.log.open());
  REQUIRE(fixture.log.close());
  const Uuid node = decode_meta(meta)->node_id;
  CHECK(decode_meta(fixture.filesystem.contents("/data/META"))->history ==
        std::vector<TermStart>{{1, 1, node}, {2, 3, node}, {3, 5, node}, {4, 7, node}});
  fixture.filesystem.set_contents("/data/META", meta);  // the term 4 is in the log alone
  REQUIRE(fixture.log.open());
  CHECK(fixture.log.log->term() == 5);
  CHECK(
      fixture.log.directory->meta().history ==
      std::vector<TermStart>{{1, 1, node}, {2, 3, node}, {3, 5, node}, {4, 7, node}, {5, 8, node}});
}

TEST_CASE("what two snapshots make superfluous is removed, and no more") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i)
      fixture.append_synced(std::string(9000, static_cast<char>('a' + i)));
    REQUIRE(fixture.log.take_snapshot());
  }
  const auto whole = fixture.log.records;
  const auto snapshots = fixture.log.directory->list_snapshots();
  const auto segments = fixture.log.directory->list_segments();
  REQUIRE(snapshots->size() == 2);
  CHECK((*segments)[0].first_lsn <= (*snapshots)[1].lsn + 1);
  CHECK((*segments)[1].first_lsn > (*snapshots)[1].lsn + 1);
  REQUIRE(fixture.log.close());
  fixture.filesystem.flip_bit("/data/snapshots/" + to_file_name((*snapshots)[0]), 8 * 5000);
  REQUIRE(fixture.log.recover_only());
  CHECK(fixture.log.snapshots_refused == 1);
  CHECK(fixture.log.records == whole);
}

TEST_CASE("a reader whose segments retention has removed says that the log does not reach back") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  fixture.append_synced("first");
  auto reader = Reader::open(*fixture.log.directory, 0);
  REQUIRE(reader);
  REQUIRE(reader->next(1));
  for (int i = 0; i < 60; ++i) fixture.append_synced(std::string(1500, 'x'));
  const Lsn durable = fixture.log.log->durable_lsn();
  REQUIRE(remove_segments_through(*fixture.log.directory, durable));
  Result<std::optional<Reader::Frame>> frame = std::optional<Reader::Frame>();
  do frame = reader->next(durable);
  while (frame && frame->has_value());
  REQUIRE(!frame);
  CHECK(frame.error().code == ErrorCode::not_found);
  CHECK(frame.error().message.starts_with("the log does not reach back to LSN "));
}

TEST_CASE(
    "a reader follows a log that is being written, across segments, and from the middle of a "
    "frame") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  auto reader = Reader::open(*fixture.log.directory, 0);
  REQUIRE(reader);
  std::map<Lsn, std::string> seen;
  for (int i = 0; i < 40; ++i) {
    fixture.log.append("one of two");
    fixture.append_synced(std::string(1500, static_cast<char>('a' + i % 26)));
    const Lsn durable = fixture.log.log->durable_lsn();
    for (;;) {
      auto frame = reader->next(durable);
      REQUIRE_MESSAGE(frame, frame.error().message);
      if (!frame->has_value()) break;
      REQUIRE(visit_records((*frame)->header, (*frame)->payload, 0,
                            [&](std::span<const RecordView> views) -> Status {
                              for (const RecordView& view : views) seen[view.lsn] = view.bytes;
                              return {};
                            }));
    }
    REQUIRE(reader->position() == durable);
  }
  CHECK(seen == fixture.log.records);
  auto middle = Reader::open(*fixture.log.directory, 40);
  REQUIRE(middle);
  auto frame = middle->next(fixture.log.log->durable_lsn());
  REQUIRE(frame);
  REQUIRE(frame->has_value());
  CHECK((*frame)->header.first_lsn <= 41);
  CHECK((*frame)->end.lsn >= 41);
  fixture.log.die();
}

TEST_CASE("a second opener of the directory is refused") {
  Fixture fixture;
  REQUIRE(fixture.log.open());
  TestLog second(fixture.filesystem);
  const Status refused = second.open();
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(refused.error().message.find("pid ") != std::string::npos);
}

}  // namespace
}  // namespace kimdb::wal
