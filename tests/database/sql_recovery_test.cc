// Schemas and rows after a loss of power: exactly a state that the statements had made, and none
// before the last one that was acknowledged.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/random.h"
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

std::string sorted_lines(const std::string& reply) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= reply.size();) {
    const std::size_t end = std::min(reply.find('\n', begin), reply.size());
    lines.push_back(reply.substr(begin, end - begin));
    begin = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// Everything that can be seen of the tables.
std::string dump(TestDb& db) {
  std::string text;
  for (const char* table : {"a", "b", "c"}) {
    const std::string described = db.run(std::string("DESCRIBE ") + table);
    text += described + "\n";
    if (described.starts_with("ERROR")) continue;
    text += sorted_lines(db.run(std::string("SELECT * FROM ") + table));
    // By an index, where there is one.
    text += db.run(std::string("SELECT count(*) FROM ") + table + " WHERE n = 3") + "\n";
  }
  return text;
}

class RandomStatements {
 public:
  explicit RandomStatements(Random& random) : random_(random) {}

  std::string next() {
    const std::string t = std::string(1, static_cast<char>('a' + random_.below(3)));
    const std::string n = std::to_string(random_.below(6)), id = std::to_string(random_.below(20));
    switch (random_.below(16)) {
      case 0:
      case 1:
        return "CREATE TABLE " + t + " (id INT PRIMARY KEY AUTO_INCREMENT, n INT" +
               (random_.below(2) == 0 ? " UNIQUE" : "") + ", s TEXT DEFAULT 'x')";
      case 2:
        return "DROP TABLE " + t;
      case 3:
        return "ALTER TABLE " + t + " ADD COLUMN c" + n + " INT DEFAULT " + n;
      case 4:
        return "ALTER TABLE " + t + " DROP COLUMN c" + n;
      case 5:
        return "ALTER TABLE " + t + " RENAME COLUMN c" + n + " TO c" +
               std::to_string(random_.below(6));
      case 6:
        return "CREATE " + std::string(random_.below(2) == 0 ? "UNIQUE " : "") + "INDEX i_" + t +
               " ON " + t + " (n)";
      case 7:
        return "DROP INDEX i_" + t;
      case 8:
        return "DELETE FROM " + t + " WHERE n = " + n;
      case 9:
        return "UPDATE " + t + " SET n = n + 1 WHERE id > " + id;
      case 10:
        return "UPDATE " + t + " SET id = id + 100 WHERE n = " + n;
      case 11:
        return "INSERT OR REPLACE INTO " + t + " (id, n) VALUES (" + id + ", " + n + ")";
      default:
        return "INSERT INTO " + t + " (n, s) VALUES (" + n + ", 's" + id + "'), (" +
               std::to_string(random_.below(1000)) + ", NULL)";
    }
  }

 private:
  Random& random_;
};

}  // namespace

TEST_CASE("schemas and rows are recovered exactly, wherever the power was lost") {
  SeededRandom random(support::test_seed("schemas and rows are recovered exactly"));
  const support::TestDeadline deadline(5);
  RandomStatements statements(random);
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
