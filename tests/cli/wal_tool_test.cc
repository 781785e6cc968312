// `kimdb-cli wal` on the directory of a real server that was killed.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/test_server.h"

namespace kimdb::cli {
namespace {

struct Run {
  int code = 0;
  std::string out;  // and errors
};

Run run_wal(const std::string& arguments) {
  const support::TemporaryDirectory directory;
  const std::string file = directory.path() + "/out";
  const int status = std::system(
      (support::built_binary("kimdb-cli") + " wal " + arguments + " >" + file + " 2>&1").c_str());
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = support::file_text(file)};
}

bool contains(const Run& run, const std::string& text) {
  INFO(run.out);
  const bool found = run.out.find(text) != std::string::npos;
  CHECK(found);
  return found;
}

// A server that has written 20 frames, one after the other, and was killed.
class KilledServer {
 public:
  KilledServer() {
    auto client = server_.connect();
    for (int i = 1; i <= 20; ++i) {
      REQUIRE(client.ask("SET key" + std::to_string(i) + " value" + std::to_string(i)) == "OK");
    }
    server_.kill();
  }
  support::TestServer& server() { return server_; }
  std::string directory() const { return server_.data_directory(); }

  // Changes one byte of the text in the log.
  void damage(const std::string& text) {
    for (const auto& file : std::filesystem::directory_iterator(directory() + "/log")) {
      std::string bytes = support::file_text(file.path());
      const std::size_t found = bytes.find(text);
      if (found == std::string::npos) continue;
      bytes[found] ^= 1;
      std::ofstream(file.path(), std::ios::binary) << bytes;
      return;
    }
    FAIL("the log does not hold " << text);
  }

 private:
  support::TestServer server_;
};

TEST_CASE("check and dump show a sound log and change nothing") {
  KilledServer killed;
  const Run check = run_wal("check " + killed.directory());
  CHECK(check.code == 0);
  CHECK(check.out.ends_with("sound\n"));
  const Run all = run_wal("dump " + killed.directory());
  CHECK(all.code == 0);
  contains(all, " put keyspace=0 key=key1 value=value1\n");
  contains(all, "put keyspace=0 key=key20 value=value20\n");
  killed.server().restart();
  CHECK(killed.server().connect().ask("GET key20") == "value20");
}

TEST_CASE("dump begins and ends where it is told") {
  KilledServer killed;
  const Run all = run_wal("dump " + killed.directory());
  const std::size_t line = all.out.find("key=key5 ");
  REQUIRE(line != std::string::npos);
  const std::size_t begin = all.out.rfind('\n', line) + 1;
  const std::string lsn = all.out.substr(begin, all.out.find(' ', begin) - begin);
  const Run some = run_wal("dump " + killed.directory() + " --from " + lsn + " --limit 2");
  CHECK(some.code == 0);
  CHECK(some.out.starts_with(lsn + " "));
  contains(some, "key=key5 ");
  contains(some, "key=key6 ");
  CHECK(some.out.find("key=key7 ") == std::string::npos);
}

TEST_CASE("damage is named, and the command that check prints repairs it") {
  KilledServer killed;
  killed.damage("value11");
  const Run damaged = run_wal("check " + killed.directory());
  CHECK(damaged.code == 1);
  contains(damaged, "DAMAGED: " + killed.directory() + "/log/");
  const Run dump = run_wal("dump " + killed.directory());
  CHECK(dump.code == 1);
  contains(dump, "key=key10 ");
  CHECK(dump.out.find("key=key11 ") == std::string::npos);

  // Nowhere else, and not without the word that data may be lost.
  CHECK(run_wal("repair " + killed.directory() + " --truncate-at 3 --accept-data-loss").code == 1);
  const std::size_t found = damaged.out.find("repair ");
  REQUIRE(found != std::string::npos);
  const std::string command = damaged.out.substr(found, damaged.out.find('\n', found) - found);
  const std::string careless = command.substr(0, command.find(" --accept-data-loss"));
  CHECK(run_wal(careless).code == 2);
  CHECK(run_wal("check " + killed.directory()).out == damaged.out);

  const Run repaired = run_wal(command);
  CHECK(repaired.code == 0);
  contains(repaired, ".broken");
  CHECK(run_wal("check " + killed.directory()).code == 0);
  killed.server().restart();
  auto client = killed.server().connect();
  CHECK(client.ask("GET key10") == "value10");
  CHECK(client.ask("GET key11") == "ERROR: key not found");
  CHECK(client.ask("SET key11 new") == "OK");
}

TEST_CASE("a sound log is not repaired, a running server's not read, a missing one not made") {
  KilledServer killed;
  CHECK(run_wal("repair " + killed.directory() + " --truncate-at 5 --accept-data-loss").code == 1);
  killed.server().restart();
  CHECK(killed.server().connect().ask("GET key20") == "value20");
  CHECK(run_wal("check " + killed.directory()).code == 2);
  const support::TemporaryDirectory empty;
  for (const std::string arguments :
       {"check ", "dump ", "repair --truncate-at 5 --accept-data-loss "})
    CHECK(run_wal(arguments + empty.path() + "/nothing").code == 2);
  CHECK(!std::filesystem::exists(empty.path() + "/nothing"));
}

TEST_CASE("a damaged snapshot is reported") {
  KilledServer killed;
  killed.server().restart();
  CHECK(killed.server().stop() == 0);  // takes a snapshot
  for (const auto& file : std::filesystem::directory_iterator(killed.directory() + "/snapshots")) {
    std::string bytes = support::file_text(file.path());
    const std::size_t found = bytes.find("value7");
    REQUIRE(found != std::string::npos);
    bytes[found] ^= 1;
    std::ofstream(file.path(), std::ios::binary) << bytes;
  }
  const Run check = run_wal("check " + killed.directory());
  CHECK(check.code == 1);
  contains(check, "snapshot");
  contains(check, "DAMAGED");
}

}  // namespace
}  // namespace kimdb::cli
