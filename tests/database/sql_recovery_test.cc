// Schemas and rows after a loss of power: exactly a state that the statements had made, and none
// before the last one that was acknowledged.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "tests/support/random_sql.h"
#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {
namespace {

using support::CrashStates;
using support::SimulatedFilesystem;
using support::TestDb;

DatabaseOptions on_disk() {
  DatabaseOptions options;
  options.data_directory = "/data";
  options.workers = 1;
  return options;
}

// Everything that can be seen of the tables.
std::string dump(TestDb& db) {
  return support::dump_tables([&](const std::string& sql) { return db.run(sql); });
}

}  // namespace

TEST_CASE("schemas and rows are recovered exactly, wherever the power was lost") {
  SeededRandom random(support::test_seed("schemas and rows are recovered exactly"));
  const support::TestDeadline deadline(5);
  support::RandomSql statements(random);
  int histories = 0, states = 0;
  do {
    SimulatedFilesystem filesystem;
    filesystem.record();
    std::map<Lsn, std::string> dumps;
    {
      TestDb db(on_disk(), filesystem);
      wal::Log& log = db.database().log();
      dumps[0] = dump(db);
      for (std::uint64_t count = 10 + random.below(30); count > 0; --count) {
        if (random.below(4) == 0) {  // several statements as one record
          db.run("BEGIN");
          for (std::uint64_t i = random.below(4); i > 0; --i) db.run(statements.next());
          db.run(random.below(4) == 0 ? "ROLLBACK" : "COMMIT");
        } else {
          db.run(statements.next());
        }
        const Lsn lsn = log.last_lsn();
        dumps[lsn] = dump(db);
        if (random.below(3) == 0) {
          REQUIRE(log.sync_through(lsn));
          filesystem.mark(lsn);
        }
        if (random.below(20) == 0) REQUIRE(db.database().checkpointer().save());
      }
    }
    ++histories;
    const auto events = filesystem.take_events();
    CrashStates crashes(events, filesystem.directories(), random);
    std::unordered_set<std::uint64_t> seen;
    while (crashes.advance() && !deadline.passed()) {
      if (random.below(events.size()) >= 6) continue;
      CrashStates::State state = crashes.make();
      if (state.mark == 0 || !seen.insert(state.fingerprint).second) continue;
      TestDb db(on_disk(), *state.filesystem);
      const std::string found = dump(db);
      const bool is_one = std::any_of(dumps.lower_bound(state.mark), dumps.end(),
                                      [&](const auto& made) { return made.second == found; });
      CAPTURE(found);
      CAPTURE(dumps.lower_bound(state.mark)->second);
      REQUIRE(is_one);
      ++states;
    }
  } while (!deadline.passed());
  std::printf("%d histories of schemas and rows, recovered from %d crash states\n", histories,
              states);
  CHECK(states > 0);
}

}  // namespace kimdb::database
