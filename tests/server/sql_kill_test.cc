// kill -9 of the real server between and under statements that define and change tables: it comes
// back with what was acknowledged, and of what was not with a beginning of it, each statement and
// each transaction whole or not at all.
//
// KIMDB_SQL_HISTORIES says how often (tools/proof.sh: 1000). A model of the tables, in memory,
// takes the same statements.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/server/sql_lines.h"
#include "tests/support/random_sql.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::support {
namespace {

// What has been committed: a transaction that is open shows nothing of itself.
std::string dump(TestDb& model) {
  TestSession other(model.database(), 2);
  return dump_tables([&](const std::string& sql) { return other.run(sql); });
}

std::vector<std::string> random_statements(SeededRandom& random, std::size_t count) {
  RandomSql sql(random);
  sql.give_all_keys();
  std::vector<std::string> statements;
  while (statements.size() < count) {
    const bool together = random.below(4) == 0;
    if (together) statements.emplace_back("BEGIN");
    for (std::uint64_t i = together ? random.below(4) : 1; i > 0; --i)
      statements.push_back(sql.next());
    if (together) statements.emplace_back(random.below(4) == 0 ? "ROLLBACK" : "COMMIT");
  }
  return statements;
}

// Sends all at once, and kills the server on the way; how many were answered.
std::size_t run_until_killed(TestServer& server, TcpClient& client, SeededRandom& random,
                             const std::vector<std::string>& statements) {
  std::string all;
  for (const std::string& statement : statements) all += statement + "\n";
  client.send(all);
  // The moment of the kill is what is drawn here; nothing is waited for.
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(1000)));
  server.kill();
  std::size_t answered = 0;
  try {
    for (; answered < statements.size(); ++answered) receive_lines(client);
  } catch (const TcpError&) {
    // The rest was not acknowledged.
  }
  return answered;
}

}  // namespace

TEST_CASE("schemas and rows are exactly what was acknowledged after kill -9, and perhaps more") {
  SeededRandom random(test_seed("schemas and rows after kill -9"));
  const std::uint64_t histories = environment_number("KIMDB_SQL_HISTORIES", 5);
  TestServer server({"wal.sync=commit", "wal.max_segment_size=256KB"});
  TestDb model;
  std::size_t statements = 0, unanswered = 0, kept = 0;
  for (std::uint64_t history = 0; history < histories; ++history) {
    TcpClient client = server.connect();
    for (const std::string& statement : random_statements(random, random.below(30))) {
      CAPTURE(statement);
      REQUIRE(ask_lines(client, statement) == model.run(statement));
      ++statements;
    }
    if (random.below(8) == 0) server.connect().call({"BGSAVE"});
    const std::vector<std::string> last = random_statements(random, 1 + random.below(12));
    const std::size_t answered = run_until_killed(server, client, random, last);
    server.restart();

    const std::string found = dump_tables(server);
    std::size_t done = 0;
    for (; done < answered; ++done) model.run(last[done]);
    std::string expected = dump(model);
    for (; expected != found && done < last.size(); ++done) {
      model.run(last[done]);
      expected = dump(model);
    }
    CAPTURE(answered);
    CAPTURE(last.size());
    REQUIRE(found == expected);
    model.run("ROLLBACK");  // where one was open: its connection is gone
    statements += answered;
    unanswered += last.size() - answered;
    kept += done - answered;
  }
  std::printf("%llu kills, %zu statements answered, of %zu others %zu kept\n",
              static_cast<unsigned long long>(histories), statements, unanswered, kept);
  CHECK(statements > histories);
}

}  // namespace kimdb::support
