// The disk fails: each call of a run in turn, and a disk that is full for a while.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_seed.h"
#include "tests/wal/test_log.h"

namespace kimdb::wal {
namespace {

using support::Fault;
using support::SimulatedFilesystem;

struct Outcome {
  Status status;
  Lsn acknowledged = 0;
  int failures_told = 0;
};

// Start, write, snapshot, write, stop, start again, write. Ends at the first error.
Outcome run(TestLog& log, Ledger& ledger) {
  Outcome outcome;
  std::atomic<int> told{0};
  log.events.failed = [&](const Error&) { ++told; };
  SeededRandom random(7);
  const auto open = [&] {
    outcome.status = log.open();
    ledger.terms.insert(log.recovered.last_lsn() + 1);
    if (outcome.status)
      outcome.acknowledged = std::max(outcome.acknowledged, log.log->durable_lsn());
    return outcome.status.has_value();
  };
  const auto write = [&](int batches) {
    for (int i = 0; i < batches && outcome.status; ++i) {
      outcome.status = log.log->reserve(4096);
      if (!outcome.status) return false;
      Lsn last = 0;
      for (int k = 0; k < 20; ++k) {
        const std::string record(random.below(100), static_cast<char>('a' + i % 26));
        ledger.appended[log.log->last_lsn() + 1].push_back(record);
        last = log.append(record);
      }
      if (!log.log->commit_here(last)) outcome.status = log.log->sync_through(last);
      outcome.acknowledged = std::max(outcome.acknowledged, log.log->durable_lsn());
    }
    return outcome.status.has_value();
  };
  const auto other = [&](Status status) {
    outcome.status = std::move(status);
    return outcome.status.has_value();
  };
  const bool done = open() && write(30) && other(log.take_snapshot()) && write(30) &&
                    other(log.close()) && open() && write(40);
  log.die();
  outcome.failures_told = told;
  static_cast<void>(done);
  return outcome;
}

TEST_CASE(
    "each call of a run of 2,000 records fails in turn: a clean error, and the exact state after a "
    "restart") {
  std::uint64_t calls = 0;
  {
    SimulatedFilesystem filesystem;
    TestLog log(filesystem);
    Ledger ledger;
    filesystem.fail_call(0, Fault::io_error);
    const Outcome whole = run(log, ledger);
    REQUIRE_MESSAGE(whole.status, whole.status.error().message);
    calls = filesystem.calls();
  }
  REQUIRE(calls > 200);
  int happened = 0, errors = 0;
  for (const Fault fault : {Fault::io_error, Fault::disk_full, Fault::short_write}) {
    for (std::uint64_t call = 1; call <= calls; call += kSlowness) {
      SimulatedFilesystem filesystem;
      TestLog log(filesystem);
      Ledger ledger;
      filesystem.fail_call(call, fault);
      const Outcome outcome = run(log, ledger);
      CAPTURE(call);
      CAPTURE(static_cast<int>(fault));
      happened += filesystem.fault_happened() ? 1 : 0;
      errors += outcome.status ? 0 : 1;
      REQUIRE(outcome.failures_told <= 1);
      if (fault == Fault::short_write)
        REQUIRE_MESSAGE(outcome.status, outcome.status.error().message);
      if (!filesystem.fault_happened())
        REQUIRE_MESSAGE(outcome.status, outcome.status.error().message);
      filesystem.fail_call(0, Fault::io_error);
      const Status again = log.recover_only();
      REQUIRE_MESSAGE(again, again.error().message);
      const std::string complaint = ledger.complaint(log, outcome.acknowledged);
      REQUIRE_MESSAGE(complaint.empty(), complaint);
    }
  }
  CHECK(happened > static_cast<int>(calls / kSlowness));  // not each fault applies to each call
  CHECK(errors > static_cast<int>(100 / kSlowness));
}

TEST_CASE("after a failed sync nothing is acknowledged any more, and it is told once") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  std::atomic<int> told{0};
  log.events.failed = [&](const Error&) { ++told; };
  REQUIRE(log.open());
  REQUIRE(log.log->sync_through(log.append("good")));
  const Lsn durable = log.log->durable_lsn();
  filesystem.fail_sync_after("in doubt");  // the write goes through
  const Lsn lsn = log.append("in doubt");
  CHECK(log.log->commit_here(lsn) == false);
  CHECK(log.log->sync_through(lsn).error().code == ErrorCode::io_error);
  CHECK(log.log->reserve(10).error().code == ErrorCode::unavailable);
  CHECK(log.log->commit_here(log.append("more")) == false);
  CHECK(log.log->durable_lsn() == durable);
  CHECK(log.log->close().error().code == ErrorCode::io_error);
  CHECK(told == 1);
}

TEST_CASE(
    "a full disk makes the log refuse writes, keeps what was acknowledged, and ends by itself") {
  for (const Sync sync : {Sync::commit, Sync::interval}) {
    SimulatedFilesystem filesystem;
    TestLog log(filesystem);
    log.options.sync = sync;
    std::atomic<int> began{0}, ended{0};
    log.events.disk_full = [&](bool full) { ++(full ? began : ended); };
    REQUIRE(log.open());
    filesystem.set_capacity(filesystem.used_bytes() + 60000);
    const std::string record(900, 'x');
    Status reserved;
    int accepted = 0;
    Lsn last = 0;
    while ((reserved = log.log->reserve(record.size()))) {
      last = log.append(record);
      REQUIRE(log.log->sync_through(last));  // room was reserved: what was accepted is written
      REQUIRE(++accepted < 1000);
    }
    CHECK(accepted > 30);
    CHECK(reserved.error().code == ErrorCode::disk_full);
    CHECK(reserved.error().message == "READONLY disk full (wal.data_directory /data)");
    CHECK(log.log->disk_full());
    CHECK(ended == 0);

    filesystem.set_capacity(std::nullopt);
    while (!(reserved = log.log->reserve(record.size()))) std::this_thread::yield();
    while (ended == 0) std::this_thread::yield();  // told just after reserve() changed its mind
    CHECK(began == 1);
    CHECK(ended == 1);
    REQUIRE(log.log->sync_through(log.append("after")));
    REQUIRE(log.close());
    REQUIRE(log.recover_only());
    CHECK(log.records.size() == static_cast<std::size_t>(accepted) + 1);
  }
}

TEST_CASE("the disk counts as full while less stays free than a checkpoint needs") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  filesystem.set_capacity(filesystem.used_bytes() + 200000);
  log.log->set_keep_free_bytes(190000);
  Status reserved;
  while ((reserved = log.log->reserve(2000)))
    REQUIRE(log.log->sync_through(log.append(std::string(2000, 'x'))));
  CHECK(reserved.error().code == ErrorCode::disk_full);
  CHECK(log.take_snapshot());  // for which the room was kept
  log.log->set_keep_free_bytes(0);
  while (!log.log->reserve(2000)) std::this_thread::yield();
  CHECK(log.close());
}

TEST_CASE("a full disk at the start and at the stop is a clear error, not a wait") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  REQUIRE(log.log->sync_through(log.append("kept")));
  REQUIRE(log.close());
  filesystem.set_capacity(filesystem.used_bytes() + 100);
  CHECK(log.open().error().code == ErrorCode::disk_full);
  log.die();
  filesystem.set_capacity(std::nullopt);
  REQUIRE(log.open());
  CHECK(log.records.size() == 1);
}

TEST_CASE("META is written on a full disk from its reserve") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  while (filesystem.contents("/data/RESERVE").empty()) std::this_thread::yield();
  REQUIRE(log.recover_only());  // no thread of the log calls the filesystem any more
  filesystem.fail_call(1, Fault::disk_full);
  CHECK(log.directory->update_meta([](Meta& meta) { meta.checkpoint_lsn = 1; }));
  CHECK(filesystem.contents("/data/RESERVE").empty());
  CHECK(log.directory->meta().checkpoint_lsn == 1);
}

}  // namespace
}  // namespace kimdb::wal
