// Tables on a master and a slave, as real processes.
#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "tests/server/master_and_slave.h"
#include "tests/server/sql_lines.h"
#include "tests/support/random_sql.h"
#include "tests/support/test_seed.h"

namespace kimdb::support {

TEST_CASE(
    "a slave has its master's tables, takes no change of them, and goes on where it is promoted") {
  SeededRandom random(test_seed("tables on a slave"));
  RandomSql sql(random);
  const std::uint16_t port = free_port(), own_port = free_port();
  TestServer master(master_settings(port));
  std::vector<std::string> settings = slave_settings(port, own_port);
  settings.emplace_back("replication.ack=none");  // where it is promoted, it is alone
  TestServer slave(settings);
  for (int round = 0; round < 3; ++round) {
    TcpClient client = master.connect();
    for (int i = 0; i < 60; ++i) {
      if (random.below(4) != 0) {
        ask_lines(client, sql.next());
        continue;
      }
      REQUIRE(ask_lines(client, "BEGIN") == "OK");
      for (std::uint64_t statements = random.below(4); statements > 0; --statements)
        ask_lines(client, sql.next());
      ask_lines(client, random.below(4) == 0 ? "ROLLBACK" : "COMMIT");
    }
    REQUIRE(become_equal(master, slave));
    CHECK(dump_tables(slave) == dump_tables(master));
  }
  TcpClient reader = slave.connect();
  CHECK(ask_lines(reader, "CREATE TABLE z (a INT)").starts_with("ERROR: READONLY"));

  TcpClient writer = master.connect();
  ask_lines(writer, "DROP TABLE a");
  ask_lines(writer, "DROP TABLE b");
  ask_lines(writer, "DROP TABLE c");
  REQUIRE(ask_lines(writer,
                    "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, n INT UNIQUE, s TEXT)") ==
          "OK");
  REQUIRE(ask_lines(writer, "INSERT INTO a (n) VALUES (1), (2), (3)") == "3");
  REQUIRE(ask_lines(writer, "DELETE FROM a WHERE n = 3") == "1");
  REQUIRE(become_equal(master, slave));
  CHECK(ask_lines(reader, "INSERT INTO a (n) VALUES (4)").starts_with("ERROR: READONLY"));
  const std::string before = dump_tables(master);
  master.kill();
  REQUIRE(becomes("OK", [&] { return reader.ask("PROMOTE"); }));
  CHECK(dump_tables(slave) == before);
  // What is unique stays so, and no number is given twice.
  CHECK(ask_lines(reader, "INSERT INTO a (n) VALUES (2)")
            .starts_with("ERROR: duplicate key in unique index"));
  CHECK(ask_lines(reader, "INSERT INTO a (n) VALUES (3)") == "1");
  CHECK(ask_lines(reader, "SELECT count(*) FROM a WHERE n = 3 AND id > 3") == "*2\ncount(*)\n1");
}

}  // namespace kimdb::support
