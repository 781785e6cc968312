// Crash states: a recorded run is rebuilt as the power could have left it at any point, and
// recovered.
#include <doctest/doctest.h>

#include <cstdio>
#include <thread>
#include <unordered_set>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_seed.h"
#include "tests/wal/test_log.h"

namespace kimdb::wal {
namespace {

using support::CrashStates;
using support::Fault;
using support::SimulatedFilesystem;

// One recorded run: appends, commits, snapshots, clean and unclean restarts, failed calls.
class Run {
 public:
  Run(std::uint64_t seed, Sync sync, bool with_failures)
      : log_(filesystem, seed), random_(seed), with_failures_(with_failures) {
    log_.options.sync = sync;
    log_.options.flushing_batch_timeout = std::chrono::milliseconds(sync == Sync::off ? 0 : 10);
    filesystem.record();
  }

  void go(int steps) {
    open();
    for (int i = 0; i < steps; ++i) {
      if (!log_.log) open();
      step();
    }
    log_.die();
  }

  SimulatedFilesystem filesystem;
  Ledger ledger;

 private:
  void open() {
    for (int attempt = 0;; ++attempt) {
      const Status opened = log_.open();
      if (opened) break;
      REQUIRE_MESSAGE((with_failures_ && attempt < 3), opened.error().message);
      ledger.terms.insert(log_.recovered.last_lsn() + 1);
      log_.die();
      filesystem.fail_call(0, Fault::io_error);
    }
    ledger.terms.insert(log_.log->durable_lsn());
    acknowledge();
  }

  void step() {
    const std::uint64_t dice = random_.below(100);
    if (with_failures_ && dice < 5) filesystem.fail_call(1 + random_.below(30), Fault::io_error);
    Status done;
    if (dice >= 98) {
      done = log_.close();
    } else if (dice >= 96) {
      log_.die();
    } else if (dice >= 93) {
      done = log_.take_snapshot();
    } else {
      done = append_some();
    }
    if (done) return;
    REQUIRE_MESSAGE(with_failures_, done.error().message);
    log_.die();
    filesystem.fail_call(0, Fault::io_error);
  }

  Status append_some() {
    Lsn last = 0;
    const std::uint64_t written = log_.log->written_bytes();
    for (std::uint64_t n = 1 + random_.below(8); n > 0; --n) {
      std::string record = std::to_string(++number_) + ".";
      const std::uint64_t kind = random_.below(40);
      record.resize(record.size() + (kind == 0  ? random_.below(30000)
                                     : kind < 4 ? random_.below(5000)
                                                : random_.below(200)),
                    static_cast<char>('a' + number_ % 26));
      KIMDB_RETURN_IF_ERROR(log_.log->reserve(record.size()));
      // Entered before it can reach the disk. One thread appends, so the LSN is known.
      ledger.appended[log_.log->last_lsn() + 1].push_back(record);
      last = log_.append(record);
    }
    if (random_.below(4) == 0) {
      // Without syncs the writer writes all the same, in its own time.
      while (log_.options.sync == Sync::off && log_.log->written_bytes() == written)
        std::this_thread::yield();
      acknowledge();  // whatever is said to be durable by now
      return {};
    }
    if (random_.below(2) == 0 || !log_.log->commit_here(last))
      KIMDB_RETURN_IF_ERROR(log_.log->sync_through(last));
    acknowledge();
    return {};
  }

  void acknowledge() { filesystem.mark(log_.log->durable_lsn()); }

  TestLog log_;
  SeededRandom random_;
  const bool with_failures_;
  std::uint64_t number_ = 0;
};

// Recovers the state, goes on from there, loses the power of nothing more, and recovers again.
std::string check_and_go_on(CrashStates::State& state, const Ledger& ledger, std::uint64_t seed) {
  TestLog log(*state.filesystem, seed);
  if (Status opened = log.open(); !opened) return "refused: " + opened.error().message;
  if (std::string complaint = ledger.complaint(log, state.mark); !complaint.empty())
    return complaint;
  std::map<Lsn, std::string> before = log.records;
  const Lsn lsn = log.append("after the crash");
  before[lsn] = "after the crash";
  if (!log.log->sync_through(lsn)) return "cannot go on";
  log.die();
  if (Status again = log.recover_only(); !again)
    return "refused the second time: " + again.error().message;
  return log.records == before ? "" : "another state the second time";
}

void explore(const char* name, Sync sync, bool with_failures, std::size_t wanted) {
  const std::uint64_t seed = support::test_seed(name);
  SeededRandom random(seed);
  std::unordered_set<std::uint64_t> seen;
  std::size_t acknowledged_highest = 0, torn = 0;
  for (int round = 0; seen.size() < wanted; ++round) {
    REQUIRE(round < 10000);
    Run run(random.next(), sync, with_failures);
    run.go(120);
    std::vector<SimulatedFilesystem::Event> events = run.filesystem.take_events();
    const std::size_t points = events.size();
    CrashStates states(std::move(events), run.filesystem.directories(), random);
    while (seen.size() < wanted && states.advance()) {
      // Where few states are wanted they are spread over at least one whole run.
      if (random.below(points) >= wanted / 6) continue;
      const std::size_t tries =
          1 + random.below(std::min<std::size_t>(12, 1 + states.pending() * 2));
      for (std::size_t i = 0; i < tries && seen.size() < wanted; ++i) {
        CrashStates::State state = states.make();
        if (!seen.insert(state.fingerprint).second) continue;
        acknowledged_highest = std::max<std::size_t>(acknowledged_highest, state.mark);
        if (seen.size() % 16 == 0) {
          const std::string complaint = check_and_go_on(state, run.ledger, random.next());
          REQUIRE_MESSAGE(complaint.empty(), complaint);
          continue;
        }
        TestLog log(*state.filesystem);
        const Status recovered = log.recover_only();
        REQUIRE_MESSAGE(recovered, recovered.error().message);
        torn += log.recovered.warnings.empty() ? 0 : 1;
        const std::string complaint = run.ledger.complaint(log, state.mark);
        REQUIRE_MESSAGE(complaint.empty(), complaint);
      }
    }
  }
  std::printf(
      "%s: %zu distinct crash states, %zu with a torn tail, up to %zu records acknowledged\n", name,
      seen.size(), torn, acknowledged_highest);
  CHECK((torn > 0 || wanted < 1000));
  CHECK(acknowledged_highest > 50);
}

std::size_t states_wanted() {
  return support::environment_number("KIMDB_CRASH_STATES", 8000 / kSlowness) / 4;
}

TEST_CASE(
    "no state that a loss of power leaves loses what was acknowledged or shows what was not "
    "written") {
  explore("crash states, sync commit", Sync::commit, false, states_wanted());
}

TEST_CASE("what a killed process has left in the page cache is on the disk before it counts") {
  for (const bool torn : {false, true}) {
    CAPTURE(torn);
    SimulatedFilesystem filesystem;
    TestLog log(filesystem);
    log.options.sync = Sync::off;
    log.options.flushing_batch_timeout = std::chrono::milliseconds(0);
    filesystem.record();
    Ledger ledger;
    const auto open = [&] {
      REQUIRE(log.open());
      ledger.terms.insert(log.log->durable_lsn());
    };
    open();
    for (const char* record : {"never synced", "torn perhaps"}) {
      const std::uint64_t written = log.log->written_bytes();
      ledger.appended[log.append(record)].push_back(record);
      while (log.log->written_bytes() == written) std::this_thread::yield();
    }
    log.die();
    if (torn) {
      const std::uint64_t at = filesystem.contents("/data/log/1-1.wal").find("torn perhaps");
      REQUIRE(at != std::string::npos);
      filesystem.flip_bit("/data/log/1-1.wal", 8 * at);
    }
    open();
    REQUIRE(log.recovered.last_lsn() == (torn ? 2 : 3));
    const Lsn acknowledged = log.log->durable_lsn();
    log.die();

    SeededRandom random(support::test_seed("page cache"));
    CrashStates states(filesystem.take_events(), filesystem.directories(), random);
    while (states.advance()) {
    }
    for (int i = 0; i < 100; ++i) {
      const CrashStates::State state = states.make();
      TestLog found(*state.filesystem);
      const Status recovered = found.recover_only();
      REQUIRE_MESSAGE(recovered, recovered.error().message);
      const std::string complaint = ledger.complaint(found, acknowledged);
      REQUIRE_MESSAGE(complaint.empty(), complaint);
    }
  }
}

TEST_CASE("META survives a failed sync, a new process that reads the page cache, and a power cut") {
  SimulatedFilesystem filesystem;
  filesystem.record();
  TestLog log(filesystem);
  REQUIRE(log.recover_only());
  filesystem.mark(1);
  filesystem.fail_sync_after("kimdbMET");
  CHECK_FALSE(log.directory->update_meta([](Meta& meta) { meta.term = 5; }).has_value());
  filesystem.fail_sync_after("");
  log.die();
  REQUIRE(log.recover_only());
  CHECK(log.directory->meta().term == 5);
  REQUIRE(log.directory->update_meta([](Meta& meta) { meta.term = 6; }));
  log.die();

  SeededRandom random(support::test_seed("META in the page cache"));
  const auto events = filesystem.take_events();
  for (int round = 0; round < 1000; ++round) {
    CrashStates states(events, filesystem.directories(), random);
    while (states.advance()) {
      const CrashStates::State state = states.make();
      if (state.mark == 0) continue;
      TestLog found(*state.filesystem);
      const Status recovered = found.recover_only();
      REQUIRE_MESSAGE(recovered, recovered.error().message);
    }
  }
}

TEST_CASE("the same with sync interval, for what was asked to be synced") {
  explore("crash states, sync interval", Sync::interval, false, states_wanted());
}

TEST_CASE("the same with sync off, where several segments may be unsynced") {
  explore("crash states, sync off", Sync::off, false, states_wanted());
}

TEST_CASE(
    "the same where calls of the filesystem have failed before, and the process has started "
    "again") {
  explore("crash states, failed calls", Sync::commit, true, states_wanted());
}

}  // namespace
}  // namespace kimdb::wal
