// A log that follows another one: what a slave does with its master's frames.
#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "tests/support/simulated_filesystem.h"
#include "tests/wal/test_log.h"

namespace kimdb::wal {
namespace {

using support::SimulatedFilesystem;

struct Follower {
  Follower() {
    master.options.max_segment_size = slave.options.max_segment_size = 4 << 10;
    slave.options.follows = true;
    REQUIRE(master.open());
    REQUIRE(slave.open());
  }

  void append_synced(const std::string& record) {
    REQUIRE(master.log->sync_through(master.append(record)));
  }
  // Everything that the slave does not have.
  Status ship() {
    auto reader = Reader::open(*master.directory, slave.log->last_lsn());
    if (!reader) return reader.error();
    for (;;) {
      const auto frame = reader->next(master.log->durable_lsn());
      if (!frame) return frame.error();
      if (!frame->has_value()) return {};
      KIMDB_RETURN_IF_ERROR(slave.log->follow((*frame)->header, (*frame)->payload));
    }
  }
  Status reopen_slave() {
    slave.die();
    return slave.open();
  }

  SimulatedFilesystem master_disk, slave_disk;
  TestLog master{master_disk, 1}, slave{slave_disk, 2};
};

TEST_CASE("a log that follows holds the same records, terms and chain, and begins no term") {
  Follower pair;
  for (int i = 0; i < 100; ++i) pair.append_synced("record " + std::to_string(i));
  REQUIRE(pair.ship());
  CHECK(pair.slave.log->durable_lsn() < 101);  // closed segments are synced, the last one is not
  REQUIRE(pair.slave.log->sync_through(pair.slave.log->last_lsn()));
  CHECK(pair.slave.log->durable_lsn() == 101);
  CHECK(pair.slave.log->end().chain == pair.master.log->end().chain);
  CHECK(pair.slave.log->end() == pair.master.log->end());
  CHECK(pair.slave.directory->meta().history == pair.master.directory->meta().history);

  REQUIRE(pair.reopen_slave());
  CHECK(pair.slave.records == pair.master.records);
  CHECK(pair.slave.log->last_lsn() == 101);
  CHECK(pair.slave.log->term() == 1);
  pair.append_synced("and on");
  REQUIRE(pair.ship());
  REQUIRE(pair.slave.log->sync_through(102));
}

TEST_CASE("a frame that does not follow is refused, and nothing happens") {
  Follower pair;
  pair.append_synced("a");
  pair.append_synced("b");
  auto reader = Reader::open(*pair.master.directory, 0);
  REQUIRE(reader);
  const auto take = [&] {
    auto frame = reader->next(pair.master.log->durable_lsn());
    REQUIRE(frame->has_value());
    return std::pair((*frame)->header, std::string((*frame)->payload));
  };
  const auto [term, term_payload] = take();
  const auto [first, first_payload] = take();
  CHECK(pair.slave.log->follow(first, first_payload).error().code == ErrorCode::corrupt);
  REQUIRE(pair.slave.log->follow(term, term_payload));
  FrameHeader other = first;
  other.chain ^= 1;
  CHECK(pair.slave.log->follow(other, first_payload).error().code == ErrorCode::corrupt);
  CHECK(pair.slave.log->follow(first, first_payload + "x").error().code == ErrorCode::corrupt);
  CHECK(pair.slave.log->last_lsn() == 1);
  REQUIRE(pair.slave.log->follow(first, first_payload));
  CHECK(pair.slave.log->follow(first, first_payload).error().code == ErrorCode::corrupt);  // twice
  REQUIRE(pair.ship());
  CHECK(pair.slave.log->end() == pair.master.log->end());
}

TEST_CASE("a tail is cut for good, a copy stays, and the log goes on behind the cut") {
  Follower pair;
  for (int i = 0; i < 150; ++i) pair.append_synced("record " + std::to_string(i));
  REQUIRE(pair.ship());
  REQUIRE(pair.slave.log->sync_through(151));
  for (const Lsn lsn : {Lsn{120}, Lsn{40}, Lsn{1}}) {
    REQUIRE(pair.slave.log->cut_behind(lsn));
    CHECK(pair.slave.log->last_lsn() == lsn);
    CHECK(pair.slave.log->durable_lsn() == lsn);
    // It goes on at once, or after a restart.
    if (lsn != 40) {
      const Status reopened = pair.reopen_slave();
      REQUIRE_MESSAGE(reopened, reopened.error().message);
      CHECK(pair.slave.log->last_lsn() == lsn);
      CHECK(pair.slave.records.size() == lsn - 1);
    }
    REQUIRE(pair.ship());
    REQUIRE(pair.slave.log->sync_through(151));
    CHECK(pair.slave.log->end() == pair.master.log->end());
    const Status reopened = pair.reopen_slave();
    REQUIRE_MESSAGE(reopened, reopened.error().message);
    CHECK(pair.slave.records == pair.master.records);
  }
  bool copied = false;
  for (const std::string& path : pair.slave_disk.files_below("/data/log"))
    copied |= path.ends_with(".broken");
  CHECK(copied);
}

TEST_CASE("behind a cut the log's thread has nothing to do") {
  Follower pair;
  for (int i = 0; i < 20; ++i) pair.append_synced("record " + std::to_string(i));
  REQUIRE(pair.ship());
  REQUIRE(pair.slave.log->sync_through(21));
  REQUIRE(pair.slave.log->cut_behind(10));
  // Of 200 ms it would take as many of a processor; a sleeping one takes next to none.
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(std::clock() - before < CLOCKS_PER_SEC / 20);
}

TEST_CASE("a term that a node has given is not given again, whatever older ones it follows later") {
  Follower pair;
  pair.append_synced("a");
  REQUIRE(pair.ship());
  // The slave leads for a while, where nobody hears of it, and comes back.
  REQUIRE(pair.slave.log->lead(0));
  REQUIRE(pair.slave.log->cut_behind(2));
  REQUIRE(pair.master.close());
  REQUIRE(pair.master.open());
  REQUIRE(pair.ship());  // of term 2
  CHECK(pair.slave.log->term() == kTermsOfAPromotion);
  REQUIRE(pair.reopen_slave());
  CHECK(pair.slave.log->term() == kTermsOfAPromotion);
  REQUIRE(pair.slave.log->lead(0));
  CHECK(pair.slave.log->term() == 2 * kTermsOfAPromotion);
}

TEST_CASE("no frame says that more is committed than what is replicated") {
  Follower pair;
  REQUIRE(pair.master.close());
  pair.master.options.replicated = true;
  REQUIRE(pair.master.open());
  CHECK(pair.master.recovered.committed_lsn == 1);  // by itself so far
  pair.append_synced("a");
  pair.append_synced("b");
  CHECK(pair.master.log->committed_lsn() == 1);
  pair.master.log->set_replicated_lsn(3);
  CHECK(pair.master.log->committed_lsn() == 3);
  REQUIRE(pair.master.close());  // a watermark
  REQUIRE(pair.master.open());   // a term
  CHECK(pair.master.recovered.committed_lsn == 3);
  REQUIRE(pair.master.log->lead(0));
  pair.append_synced("c");
  CHECK(pair.master.log->committed_lsn() == 3);
  REQUIRE(pair.ship());
  pair.slave.die();
  REQUIRE(pair.slave.recover_only());
  CHECK(pair.slave.recovered.last_lsn() == 7);
  CHECK(pair.slave.recovered.committed_lsn == 3);
}

TEST_CASE("what is committed later than it is synced is said in the log, once that idles") {
  Follower pair;
  pair.append_synced("a");
  REQUIRE(pair.ship());
  pair.slave.die();
  pair.slave.options.idle_timeout = std::chrono::milliseconds(2);
  REQUIRE(pair.slave.open());
  // Long enough for a watermark of what is synced.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  pair.slave.log->set_replicated_lsn(2);
  const auto noted = [&] {
    Lsn committed = 0;
    const auto segments = pair.slave.directory->list_segments();
    for (const SegmentName& segment : *segments) {
      auto reader =
          SegmentReader::open(pair.slave_disk, pair.slave.directory->segment_path(segment));
      while (auto frame = *reader->next())
        committed = std::max(committed, frame->header.committed_lsn);
    }
    return committed;
  };
  while (noted() < 2) std::this_thread::yield();
  pair.slave.die();
  REQUIRE(pair.slave.recover_only());
  CHECK(pair.slave.recovered.committed_lsn == 2);
}

TEST_CASE("who is promoted begins a term that no restart of the former master reaches") {
  Follower pair;
  pair.append_synced("a");
  REQUIRE(pair.ship());
  REQUIRE(pair.slave.log->lead(0));
  CHECK(pair.slave.log->term() == kTermsOfAPromotion);
  CHECK(pair.slave.log->durable_lsn() == 3);
  const Lsn lsn = pair.slave.append("of the new term");
  CHECK(lsn == 4);
  REQUIRE(pair.slave.log->sync_through(lsn));
  REQUIRE(pair.slave.log->lead(7 * kTermsOfAPromotion + 5));
  CHECK(pair.slave.log->term() == 8 * kTermsOfAPromotion);
  const Meta meta = pair.slave.directory->meta();
  CHECK(meta.history.size() == 3);
  CHECK(meta.history[0].node_id == pair.master.directory->meta().node_id);
  CHECK(meta.history[1] == TermStart{kTermsOfAPromotion, 3, meta.node_id});
  pair.slave.options.follows = false;
  REQUIRE(pair.reopen_slave());
  CHECK(pair.slave.log->term() == 8 * kTermsOfAPromotion + 1);
  CHECK(pair.slave.records.at(4) == "of the new term");
}

}  // namespace
}  // namespace kimdb::wal
