// Every order in which the statements of two or three sessions can come, over tables whose rows
// constrain each other: whatever was committed, the tables are what their constraints say.
//
// CI runs a share of the orders, drawn from the seed; KIMDB_INTERLEAVINGS=all runs all of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "tests/database/sql_replies.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {
namespace {

using support::TestDb;
using support::TestSession;

using Program = std::vector<std::string>;  // of one session, statement by statement

constexpr std::string_view kTables[] = {
    "CREATE TABLE u (id INT PRIMARY KEY, e TEXT UNIQUE, CHECK (id < 5))",
    "CREATE TABLE c (id INT PRIMARY KEY, u INT REFERENCES u (id))",
    "CREATE TABLE d (id INT PRIMARY KEY, e TEXT REFERENCES u (e))"};

// What stands there before: nothing, a row, rows that refer to each other.
const std::vector<Program> kBeginnings = {
    {},
    {"INSERT INTO u VALUES (1, 'x')"},
    {"INSERT INTO u VALUES (1, 'x'), (2, 'y')", "INSERT INTO c VALUES (1, 2)",
     "INSERT INTO d VALUES (1, 'y')"}};

const std::vector<std::string> kStatements = {"INSERT INTO u VALUES (1, 'x')",
                                              "INSERT INTO u VALUES (2, 'x')",
                                              "INSERT INTO u SELECT id + 2, e || '2' FROM u",
                                              "REPLACE INTO u VALUES (2, 'x')",
                                              "INSERT OR IGNORE INTO u VALUES (3, 'x'), (2, 'z')",
                                              "UPDATE u SET id = 3 WHERE id = 1",
                                              "UPDATE u SET id = id + 1",
                                              "UPDATE u SET e = 'x' WHERE id = 2",
                                              "DELETE FROM u WHERE id = 1",
                                              "DELETE FROM u WHERE e = 'x'",
                                              "INSERT INTO c VALUES (1, 1)",
                                              "UPDATE c SET u = 1",
                                              "DELETE FROM c",
                                              "REPLACE INTO d VALUES (1, 'x')",
                                              "DELETE FROM d"};

// A database whose tables are emptied between runs.
class Tables {
 public:
  Tables() {
    for (const std::string_view table : kTables) REQUIRE(db_.run(table) == "OK");
  }

  void begin(const Program& beginning) {
    for (const char* table : {"c", "d", "u"}) db_.run(std::string("DELETE FROM ") + table);
    for (const std::string& statement : beginning) REQUIRE(!db_.run(statement).starts_with("E"));
  }

  // Runs the statements in the order that `turns` gives: of which session the next one is.
  // An answer for each.
  std::vector<Program> run(const std::vector<Program>& programs, const std::vector<int>& turns) {
    std::vector<std::unique_ptr<TestSession>> sessions;
    for (std::size_t i = 0; i < programs.size(); ++i)
      sessions.push_back(std::make_unique<TestSession>(db_.database(), i + 2));
    std::vector<Program> answers(programs.size());
    for (const int turn : turns) {
      const auto session = static_cast<std::size_t>(turn);
      answers[session].push_back(
          sessions[session]->run(programs[session][answers[session].size()]));
    }
    return answers;
  }

  // All rows, in order; read without any index.
  std::string state() {
    std::string state;
    for (const char* table : {"u", "c", "d"}) {
      std::vector<std::string> rows = rows_of(table);
      std::ranges::sort(rows);
      state += std::string(table) + ":";
      for (const std::string& row : rows) state += " " + row;
      state += "\n";
    }
    return state;
  }

  // What of the constraints does not hold; empty: they do.
  std::string violated() {
    std::set<std::string> ids, texts;
    for (const std::string& row : rows_of("u")) {
      const auto [id, text] = halves(row);
      if (!ids.insert(id).second) return "two rows of u have the id " + id;
      if (text != "(nil)" && !texts.insert(text).second) return "two rows of u have the e " + text;
      if (std::stoi(id) >= 5) return "a row of u has the id " + id;
    }
    for (const std::string& row : rows_of("c"))
      if (const std::string u = halves(row).second; u != "(nil)" && !ids.contains(u))
        return "a row of c refers to u " + u + ", which is not there";
    for (const std::string& row : rows_of("d"))
      if (const std::string e = halves(row).second; e != "(nil)" && !texts.contains(e))
        return "a row of d refers to u with e " + e + ", which is not there";
    return {};
  }

 private:
  static std::pair<std::string, std::string> halves(const std::string& row) {
    const std::size_t bar = row.find('|');
    return {row.substr(0, bar), row.substr(bar + 1)};
  }

  std::vector<std::string> rows_of(const std::string& table) {
    std::vector<std::string> rows;
    const std::string reply = db_.run("SELECT * FROM " + table);
    for (std::size_t begin = reply.find('\n'), line = 0; begin != std::string::npos; ++line) {
      const std::size_t end = reply.find('\n', begin + 1);
      if (line > 0) rows.push_back(reply.substr(begin + 1, end - begin - 1));  // 0: the columns
      begin = end;
    }
    return rows;
  }

  TestDb db_;
};

// Calls visit(turns) for each order of so many steps of each session.
template <class Visit>
void for_each_order(const std::vector<Program>& programs, Visit&& visit) {
  std::vector<int> turns;
  for (std::size_t i = 0; i < programs.size(); ++i)
    turns.insert(turns.end(), programs[i].size(), static_cast<int>(i));
  do visit(turns);
  while (std::ranges::next_permutation(turns).found);
}

Program transaction(const Program& statements) {
  Program program{"BEGIN"};
  program.insert(program.end(), statements.begin(), statements.end());
  program.push_back("COMMIT");
  return program;
}

// All programs of two sessions: one with a transaction of two statements, one with a statement or a
// transaction of one; and of three, with one more statement.
std::vector<std::vector<Program>> all_programs() {
  std::vector<std::vector<Program>> all;
  for (const std::string& first : kStatements) {
    for (const std::string& second : kStatements) {
      for (const std::string& other : kStatements) {
        const Program both = transaction({first, second});
        all.push_back({both, {other}});
        all.push_back({both, transaction({other})});
        all.push_back({both, {other}, {first}});
      }
    }
  }
  return all;
}

std::string in_words(const std::vector<Program>& programs, const std::vector<int>& turns,
                     const std::vector<Program>& answers) {
  std::string words;
  std::vector<std::size_t> next(programs.size());
  for (const int turn : turns) {
    const auto session = static_cast<std::size_t>(turn);
    const std::size_t step = next[session]++;
    words += std::string(1, static_cast<char>('A' + turn)) + ": " + programs[session][step] +
             " -> " + answers[session][step] + "\n";
  }
  return words;
}

bool runs_all() {
  const char* value = std::getenv("KIMDB_INTERLEAVINGS");
  return value != nullptr && std::string_view(value) == "all";
}

}  // namespace

TEST_CASE("whatever order sessions' statements come in, constraints hold in what they leave") {
  SeededRandom random(support::test_seed("constraints hold in any order"));
  const support::TestDeadline deadline(5);
  Tables tables;
  std::vector<std::vector<Program>> all = all_programs();
  if (!runs_all()) {
    for (std::size_t i = all.size() - 1; i > 0; --i) std::swap(all[i], all[random.below(i + 1)]);
  }
  std::size_t orders = 0, broken = 0;
  for (const std::vector<Program>& programs : all) {
    if (!runs_all() && deadline.passed()) break;
    for_each_order(programs, [&](const std::vector<int>& turns) {
      for (const Program& beginning : kBeginnings) {
        tables.begin(beginning);
        const auto answers = tables.run(programs, turns);
        ++orders;
        const std::string violated = tables.violated();
        if (violated.empty() || ++broken > 5) continue;
        const std::string begun = beginning.empty() ? "nothing" : beginning.front();
        const std::string found = violated + "\nbegun with " + begun + "\n" +
                                  in_words(programs, turns, answers) + tables.state();
        FAIL_CHECK(found);
      }
    });
  }
  CHECK(broken == 0);
  MESSAGE(orders << " orders of statements");
}

// --- serializable sessions ---

// What a run left and answered of those sessions that committed.
struct Run {
  std::vector<bool> committed;
  std::vector<Program> answers;
  std::string state;
};

bool has_committed(const Program& answers) { return answers.back() == "OK"; }

// The sessions one after the other.
Run run_in_turn(Tables& tables, const Program& beginning, const std::vector<Program>& programs,
                const std::vector<std::size_t>& sessions) {
  tables.begin(beginning);
  Run run{std::vector<bool>(programs.size()), std::vector<Program>(programs.size()), ""};
  for (const std::size_t session : sessions) {
    const std::vector<int> turns(programs[session].size(), 0);
    run.answers[session] = tables.run({programs[session]}, turns)[0];
    run.committed[session] = has_committed(run.answers[session]);
  }
  run.state = tables.state();
  return run;
}

// Whether it is what some order of those that committed gives, each of them alone.
bool is_serial(Tables& tables, const Program& beginning, const std::vector<Program>& programs,
               const Run& run) {
  std::vector<std::size_t> sessions;
  for (std::size_t i = 0; i < programs.size(); ++i)
    if (run.committed[i]) sessions.push_back(i);
  do {
    const Run serial = run_in_turn(tables, beginning, programs, sessions);
    if (serial.state != run.state || serial.committed != run.committed) continue;
    if (std::ranges::all_of(sessions, [&](std::size_t session) {
          return serial.answers[session] == run.answers[session];
        }))
      return true;
  } while (std::ranges::next_permutation(sessions).found);
  return false;
}

TEST_CASE("serializable sessions leave, and are told, what they would be one after the other") {
  SeededRandom random(support::test_seed("serializable sessions"));
  const support::TestDeadline deadline(5);
  Tables tables;
  std::vector<std::string> statements = kStatements;
  statements.insert(statements.end(),
                    {"SELECT count(*) FROM u", "SELECT id FROM u WHERE e = 'x'",
                     "SELECT u.id FROM u JOIN c ON c.u = u.id", "SELECT e FROM u WHERE id = 2"});
  const auto any = [&] { return statements[random.below(statements.size())]; };
  std::size_t orders = 0, conflicts = 0, broken = 0;
  while (!deadline.passed() && broken < 3) {
    std::vector<Program> programs = {transaction({any(), any()}), transaction({any(), any()})};
    if (random.below(3) == 0) programs.push_back(transaction({any()}));
    for (Program& program : programs) program.front() = "BEGIN SERIALIZABLE";
    const Program& beginning = kBeginnings[random.below(kBeginnings.size())];
    std::vector<int> turns;
    for (std::size_t i = 0; i < programs.size(); ++i)
      turns.insert(turns.end(), programs[i].size(), static_cast<int>(i));
    for (int draw = 0; draw < 10; ++draw) {
      for (std::size_t i = turns.size() - 1; i > 0; --i)
        std::swap(turns[i], turns[random.below(i + 1)]);
      tables.begin(beginning);
      Run run;
      run.answers = tables.run(programs, turns);
      for (const Program& answers : run.answers) {
        run.committed.push_back(has_committed(answers));
        conflicts += run.committed.back() ? 0 : 1;
      }
      run.state = tables.state();
      ++orders;
      if (is_serial(tables, beginning, programs, run) || ++broken > 3) continue;
      const std::string found = "begun with " +
                                (beginning.empty() ? std::string("nothing") : beginning.front()) +
                                "\n" + in_words(programs, turns, run.answers) + run.state;
      FAIL_CHECK(found);
    }
  }
  CHECK(broken == 0);
  MESSAGE(orders << " orders of statements, " << conflicts << " sessions that met a conflict");
}

}  // namespace kimdb::database
