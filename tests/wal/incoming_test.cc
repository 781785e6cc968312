// A snapshot that comes from another node and takes the place of everything.
#include "wal/incoming.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <unordered_set>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_seed.h"
#include "tests/wal/test_log.h"
#include "wal/inspect.h"

namespace kimdb::wal {
namespace {

using support::CrashStates;
using support::Fault;
using support::SimulatedFilesystem;

// A master with a snapshot, and the file of it.
struct Master {
  explicit Master(int records) {
    REQUIRE(log.open());
    for (int i = 0; i < records; ++i) log.append("record " + std::to_string(i));
    REQUIRE(log.take_snapshot());
    const auto names = log.directory->list_snapshots();
    const std::string path = log.directory->snapshot_path(names->front());
    bytes = disk.contents(path);
    id = SnapshotFile::open(disk, path)->id();
    records_in_snapshot = log.records;
  }

  SimulatedFilesystem disk;
  TestLog log{disk, 1};
  std::string bytes;
  SnapshotId id;
  std::map<Lsn, std::string> records_in_snapshot;
};

// What is missing of the file, in parts; then the whole of it checked and accepted.
Status receive(IncomingSnapshot& incoming, const Master& master) {
  KIMDB_RETURN_IF_ERROR(incoming.begin(master.id));
  while (!incoming.is_whole()) {
    const std::uint64_t at = incoming.progress()->bytes;
    KIMDB_RETURN_IF_ERROR(incoming.append(at, std::string_view(master.bytes).substr(at, 5000)));
  }
  const auto file = incoming.finish();
  if (!file) return file.error();
  KIMDB_RETURN_IF_ERROR(file->verify());
  return incoming.accept();
}

Status receive_and_restart(TestLog& slave, const Master& master) {
  auto incoming = IncomingSnapshot::open(*slave.directory);
  if (!incoming) return std::move(incoming).error();
  KIMDB_RETURN_IF_ERROR(receive(*incoming, master));
  return slave.log->restart_behind_snapshot();
}

// Everything of the master's log that the slave has not.
Status ship(Master& master, TestLog& slave) {
  auto reader = Reader::open(*master.log.directory, slave.log->last_lsn());
  if (!reader) return std::move(reader).error();
  for (;;) {
    const auto frame = reader->next(master.log.log->durable_lsn());
    if (!frame) return frame.error();
    if (!frame->has_value()) break;
    KIMDB_RETURN_IF_ERROR(slave.log->follow((*frame)->header, (*frame)->payload));
  }
  return slave.log->sync_through(slave.log->last_lsn());
}

// Its own data came from another cluster's life: it must be gone, all or nothing of it.
void make_old_data(TestLog& slave) {
  slave.options.max_segment_size = 4 << 10;
  REQUIRE(slave.open());
  for (int i = 0; i < 60; ++i)
    REQUIRE(
        slave.log->sync_through(slave.append("old record of some length " + std::to_string(i))));
  REQUIRE(slave.take_snapshot());
  REQUIRE(slave.log->sync_through(slave.append("behind the old snapshot")));
  slave.die();
  slave.options.follows = true;
  REQUIRE(slave.open());
}

TEST_CASE("a snapshot that has come takes the place of the log, which goes on behind it") {
  Master master(500);
  SimulatedFilesystem disk;
  TestLog slave(disk, 2);
  make_old_data(slave);
  REQUIRE(receive_and_restart(slave, master));
  CHECK(slave.log->durable_lsn() == master.id.lsn);
  CHECK(slave.log->end().lsn == master.id.lsn);
  const Meta meta = slave.directory->meta();
  CHECK(meta.cluster_id == master.log.directory->meta().cluster_id);
  CHECK(meta.history == master.log.directory->meta().history);
  CHECK(meta.node_id != master.log.directory->meta().node_id);

  REQUIRE(master.log.log->sync_through(master.log.append("and on")));
  REQUIRE(ship(master, slave));
  for (int restart = 0; restart < 2; ++restart) {
    slave.die();
    REQUIRE(slave.open());
    CHECK(slave.records == master.log.records);
    CHECK(slave.log->end() == master.log.log->end());
  }
}

TEST_CASE("a copy that broke off goes on where it was, in another process as well") {
  Master master(500);
  SimulatedFilesystem disk;
  TestLog slave(disk, 2);
  make_old_data(slave);
  {
    auto incoming = IncomingSnapshot::open(*slave.directory);
    REQUIRE(incoming);
    CHECK(!incoming->progress());
    REQUIRE(incoming->begin(master.id));
    REQUIRE(incoming->append(0, std::string_view(master.bytes).substr(0, 3000)));
    // Neither a gap, nor the same again, nor more than there is.
    CHECK(incoming->append(3001, "x").error().code == ErrorCode::corrupt);
    CHECK(incoming->append(0, "x").error().code == ErrorCode::corrupt);
    CHECK(incoming->append(3000, master.bytes).error().code == ErrorCode::corrupt);
    CHECK(!incoming->is_whole());
  }
  slave.die();
  const auto old_records = slave.records;
  REQUIRE(slave.open());
  CHECK(slave.records == old_records);
  auto incoming = IncomingSnapshot::open(*slave.directory);
  REQUIRE(incoming);
  REQUIRE(incoming->progress());
  CHECK(incoming->progress()->id == master.id);
  CHECK(incoming->progress()->bytes == 3000);
  REQUIRE(receive(*incoming, master));
  REQUIRE(slave.log->restart_behind_snapshot());
  CHECK(slave.log->end().lsn == master.id.lsn);
}

TEST_CASE("the tools leave a directory alone in which a copy was being put in place") {
  Master master(50);
  SimulatedFilesystem disk;
  TestLog slave(disk, 2);
  make_old_data(slave);
  auto incoming = IncomingSnapshot::open(*slave.directory);
  REQUIRE(receive(*incoming, master));
  slave.die();
  const auto checked = check(disk, slave.clock, slave.random, "/data");
  REQUIRE(!checked);
  CHECK(checked.error().message.find("start the server once") != std::string::npos);
  REQUIRE(slave.open());
  CHECK(slave.records == master.records_in_snapshot);
  slave.die();
  CHECK(check(disk, slave.clock, slave.random, "/data"));
}

TEST_CASE("another snapshot begins from its beginning, and leaves nothing of the first") {
  Master first(300), second(500);
  SimulatedFilesystem disk;
  TestLog slave(disk, 2);
  make_old_data(slave);
  auto incoming = IncomingSnapshot::open(*slave.directory);
  REQUIRE(incoming->begin(first.id));
  REQUIRE(incoming->append(0, std::string_view(first.bytes).substr(0, 1000)));
  REQUIRE(incoming->begin(second.id));
  CHECK(incoming->progress()->bytes == 0);
  CHECK(disk.files_below(slave.directory->incoming_directory()).size() == 1);
  REQUIRE(incoming->discard());
  CHECK(disk.files_below(slave.directory->incoming_directory()).empty());
}

TEST_CASE(
    "a copy that is spoiled, or is not the one it says, is refused, and nothing else happens") {
  Master master(500), other(400);
  SimulatedFilesystem disk;
  TestLog slave(disk, 2);
  make_old_data(slave);
  SeededRandom random(support::test_seed("spoiled copies"));
  for (int i = 0; i < 50; ++i) {
    auto incoming = IncomingSnapshot::open(*slave.directory);
    const std::string sound = master.bytes;
    master.bytes[random.below(sound.size())] ^= static_cast<char>(1 + random.below(255));
    const Status received = receive(*incoming, master);
    master.bytes = sound;
    REQUIRE(!received);
    CHECK(received.error().code == ErrorCode::corrupt);
    REQUIRE(incoming->discard());
  }
  auto incoming = IncomingSnapshot::open(*slave.directory);
  other.id = master.id;
  other.id.size = other.bytes.size();
  CHECK(receive(*incoming, other).error().code == ErrorCode::corrupt);
  REQUIRE(incoming->discard());
  const auto old_records = slave.records;
  slave.die();
  REQUIRE(slave.open());
  CHECK(slave.records == old_records);
}

TEST_CASE("a power cut at any point of a copy leaves the old data or the new, whole") {
  Master master(120);
  SimulatedFilesystem disk;
  disk.record();
  TestLog slave(disk, 2);
  make_old_data(slave);
  const std::map<Lsn, std::string> old_records = slave.records;
  disk.mark(1);  // the old data is there
  REQUIRE(receive_and_restart(slave, master));
  disk.mark(2);  // the new data is there
  REQUIRE(master.log.log->sync_through(master.log.append("and on")));
  REQUIRE(ship(master, slave));
  disk.mark(3);
  slave.die();

  SeededRandom random(support::test_seed("power cuts in a copy"));
  CrashStates states(disk.take_events(), disk.directories(), random);
  std::unordered_set<std::uint64_t> seen;
  int old_found = 0, new_found = 0;
  while (states.advance()) {
    const int variants = states.pending() == 0 ? 1 : static_cast<int>(40 / kSlowness);
    for (int i = 0; i < variants; ++i) {
      CrashStates::State state = states.make();
      if (state.mark < 1 || !seen.insert(state.fingerprint).second) continue;
      TestLog recovered(*state.filesystem, 3);
      recovered.options.follows = true;
      const Status opened = recovered.open();
      REQUIRE_MESSAGE(opened, opened.error().message);
      if (recovered.records == old_records) {
        REQUIRE(state.mark == 1);
        ++old_found;
      } else {
        const Lsn last = recovered.recovered.last_lsn();
        REQUIRE(last >= (state.mark == 3 ? master.log.log->last_lsn() : master.id.lsn));
        for (const auto& [lsn, record] : master.log.records)
          if (lsn <= last) REQUIRE(recovered.records.at(lsn) == record);
        REQUIRE(recovered.records.size() <= master.log.records.size());
        REQUIRE(recovered.directory->meta().cluster_id == master.log.directory->meta().cluster_id);
        // And it can go on.
        REQUIRE(ship(master, recovered));
        REQUIRE(recovered.log->end() == master.log.log->end());
        ++new_found;
      }
    }
  }
  // How many states differ is chance; both kinds have to be among them.
  CHECK(old_found > 0);
  CHECK(new_found > 0);
}

TEST_CASE("each filesystem call of a copy fails in turn: the old data or the new after a restart") {
  Master master(120);
  std::uint64_t calls = 0;
  int old_found = 0, new_found = 0;
  for (std::uint64_t call = 0; call <= calls; ++call) {
    SimulatedFilesystem disk;
    TestLog slave(disk, 2);
    make_old_data(slave);
    const auto old_records = slave.records;
    disk.fail_call(call, Fault::io_error);
    const Status taken = receive_and_restart(slave, master);
    if (call == 0) calls = disk.calls();
    // The thread that prepares segments may have met it instead.
    if (!taken) CHECK(disk.fault_happened());
    slave.die();
    disk.fail_call(0, Fault::io_error);
    REQUIRE_MESSAGE(slave.open(), call);
    const bool is_old = slave.records == old_records;
    const bool is_new = slave.records == master.records_in_snapshot;
    CHECK((is_old || is_new));
    if (taken) CHECK(is_new);
    ++(is_old ? old_found : new_found);
  }
  CHECK(calls > 40);
  CHECK(old_found > 10);
  CHECK(new_found > 10);
}

TEST_CASE("so much of the log as replicas may need is kept behind the snapshots") {
  const auto begin_of_log = [](std::uint64_t keep_bytes) {
    SimulatedFilesystem disk;
    TestLog log(disk);
    log.keep_log_bytes = keep_bytes;
    REQUIRE(log.open());
    for (int snapshot = 0; snapshot < 3; ++snapshot) {
      for (int i = 0; i < 100; ++i)
        REQUIRE(log.log->sync_through(log.append(std::string(1000, 'x'))));
      REQUIRE(log.take_snapshot());
    }
    std::uint64_t bytes = 0;
    const auto segments = log.directory->list_segments();
    for (const SegmentName& segment : *segments) {
      if (segment.first_lsn >= 200) break;  // the second newest snapshot needs the rest
      bytes += disk.contents(log.directory->segment_path(segment)).size();
    }
    CHECK(bytes <= keep_bytes + log.options.max_segment_size);
    return segments->front().first_lsn;
  };
  const Lsn none = begin_of_log(0), some = begin_of_log(70 << 10), all = begin_of_log(1 << 30);
  CHECK(none > 150);
  CHECK(some < none - 40);
  CHECK(some > 50);
  CHECK(all == 1);
}

}  // namespace
}  // namespace kimdb::wal
