// The real kimdb-cli against the real server, as a person or a script runs it.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "database/token.h"
#include "tests/support/test_server.h"

namespace kimdb::cli {
namespace {

struct Run {
  int code = 0;
  std::string out;
  std::string errors;
};

// Runs `kimdb-cli <arguments>` in a shell with `input` on its standard input.
class CommandLine {
 public:
  explicit CommandLine(std::string options) : options_(std::move(options)) {}

  Run run(const std::string& arguments, const std::string& input = "") const {
    const std::string base = directory_.path();
    std::ofstream(base + "/in") << input;
    const std::string command = support::built_binary("kimdb-cli") + " " + options_ + " " +
                                arguments + " <" + base + "/in >" + base + "/out 2>" + base +
                                "/err";
    const int status = std::system(command.c_str());
    return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = support::file_text(base + "/out"),
            .errors = support::file_text(base + "/err")};
  }

 private:
  std::string options_;
  support::TemporaryDirectory directory_;
};

std::string address_of(const support::TestServer& server) {
  return "--address 127.0.0.1:" + std::to_string(server.port());
}

TEST_CASE("one shot: the reply on standard output, an error as exit code 1") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  CHECK(cli.run("SET motto 'two words'").out == "OK\n");
  CHECK(cli.run("GET motto").out == "two words\n");
  CHECK(cli.run("--json MGET motto nope").out == "[\"two words\",null]\n");
  const Run refused = cli.run("INCR motto");
  CHECK(refused.code == 1);
  CHECK(refused.out == "ERROR: value is not an integer or out of range\n");
  CHECK(cli.run("GET motto").code == 0);
  CHECK(cli.run("help get").out.starts_with("GET key\n"));
}

TEST_CASE("from a pipe: replies in order, errors with their line's number") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  const Run run = cli.run("",
                          "SET a 1\n"
                          "# a comment\n"
                          "\n"
                          "INCR a\n"
                          "NOSUCH\n"
                          "SET b \"open\n"
                          "SET c $5\nx\ny\nz\n"
                          "#7 GET c\n"
                          "GET a");
  CHECK(run.code == 1);
  CHECK(run.out ==
        "OK\n2\n"
        "ERROR: unknown command 'NOSUCH', with args beginning with: \n"
        "ERROR: unbalanced \" (no closing quote) at column 7\n"
        "OK\n\"x\\ny\\nz\"\n2\n");
  CHECK(run.errors.find("line 5: ") != std::string::npos);
  CHECK(run.errors.find("line 6: ") != std::string::npos);
  CHECK(cli.run("", "SET d $5\nab").errors.find("ends inside a value") != std::string::npos);
}

TEST_CASE("a statement in a pipe ends in its semicolon, or is an error and not run") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  REQUIRE(cli.run("'CREATE TABLE t (id INT PRIMARY KEY)'").out == "OK\n");
  REQUIRE(cli.run("\"INSERT INTO t VALUES (1), (2), (3), (4), (5)\"").out == "5\n");
  CHECK(cli.run("", "DELETE FROM t\n\nWHERE id = 4;\r\nSET k ';'\n").out == "1\nOK\n");
  CHECK(cli.run("", "DELETE\nFROM t\nWHERE id = 3; SET k v\n").code == 1);
  const Run open = cli.run("", "SET a 1\n\nDELETE FROM t\nSET b 1\nGET a\n");
  CHECK(open.code == 1);
  CHECK(open.out.starts_with("OK\nERROR: the statement that begins here does not end"));
  CHECK(open.errors.find("line 3: ") != std::string::npos);
  CHECK(cli.run("EXISTS b").out == "0\n");
  CHECK(cli.run("'SELECT count(*) AS n FROM t'").out == "*1\n*2\nn\n4\n");
  CHECK(cli.run("--csv SELECT '*' FROM t").out == "id\n1\n2\n3\n5\n");
  CHECK(cli.run("DELETE FROM t").code == 2);
  CHECK(cli.run("", "-- a dump\n/* of\ntwo */\nBEGIN\nDELETE FROM t;;ROLLBACK\nSHOW TABLES\n")
            .out.starts_with("OK\n4\nOK\n*1\n"));
}

TEST_CASE("a transaction that the input or the arguments leave open is told") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  REQUIRE(cli.run("'CREATE TABLE t (id INT PRIMARY KEY)'").out == "OK\n");
  const Run run = cli.run("", "BEGIN\nINSERT INTO t VALUES (1);\n");
  CHECK(run.code == 1);
  CHECK(run.errors.find("ends inside a transaction") != std::string::npos);
  CHECK(cli.run("'BEGIN; INSERT INTO t VALUES (1)'").code == 1);
  CHECK(cli.run("'BEGIN; INSERT INTO t VALUES (1); COMMIT'").code == 0);
}

TEST_CASE("a transaction that is lost with its connection ends a pipe's run") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  REQUIRE(cli.run("'CREATE TABLE t (id INT PRIMARY KEY)'").out == "OK\n");
  const std::string program = support::built_binary("kimdb-cli") + " " + address_of(server);
  for (const char* then : {"INSERT INTO t VALUES (2);", "BEGIN", "ROLLBACK", "SET a 1"}) {
    const support::TemporaryDirectory directory;
    const std::string out = directory.path() + "/out";
    // Its connection is closed by another one once the INSERT was answered; only that one lists
    // itself then.
    const std::string script =
        "( echo 'BEGIN'; echo 'INSERT INTO t VALUES (1);'; until grep -qx 1 " + out +
        " 2>/dev/null; do sleep 0.02; done; " + program + " CLIENT KILL TYPE normal >/dev/null; " +
        "until [ $(" + program +
        " CLIENT LIST | grep -c name=kimdb-cli) = 1 ]; do :; done; echo '" + then +
        "'; echo 'INSERT INTO t VALUES (3);' ) | " + program + " >" + out + " 2>" + out + ".errors";
    const int status = std::system(script.c_str());
    CHECK(WEXITSTATUS(status) == 2);
    CHECK(support::file_text(out + ".errors").find("and with it the transaction") !=
          std::string::npos);
    CHECK(cli.run("'SELECT count(*) AS n FROM t'").out == "*1\n*2\nn\n0\n");
    CHECK(cli.run("EXISTS a").out == "0\n");
  }
}

TEST_CASE("a line that only goes on a statement ends a pipe's run") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  const Run run = cli.run("", "SELECT 1\nUNION ALL SELECT 2;\nSET a 1\n");
  CHECK(run.code == 2);
  CHECK(run.errors.find("line 2: ") != std::string::npos);
  CHECK(cli.run("", "SELECT 1\nEXISTS a\n").out == "OK\n0\n");
}

TEST_CASE("a value that the end of the input cuts is not stored") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  CHECK(cli.run("", "SET d $3\nab").code == 1);
  CHECK(cli.run("EXISTS d").out == "0\n");
}

TEST_CASE("FORMAT in a pipe changes the replies behind it; documents are JSON in JSON") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  CHECK(
      cli.run("", "SET a 1\nFORMAT json\nMGET a b\nFORMAT csv\nMGET a b\nFORMAT\nFORMAT x\n").out ==
      "OK\n\"OK\"\n[\"1\",null]\nOK\n1,\ncsv\n"
      "ERROR: FORMAT takes text, strict, json, raw or csv\n");
  REQUIRE(cli.run("DOC PUT c 1 '{\"n\":[1]}'").code == 0);
  CHECK(cli.run("--json DOC GET c 1").out.starts_with("{\"id\":\"1\",\"n\":[1],"));
  CHECK(cli.run("'help DOC FIND'").out.starts_with("DOC FIND collection filter"));
}

TEST_CASE("a large file is loaded whole") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  std::string input;
  for (int i = 0; i < 50'000; ++i) {
    input += "SET key" + std::to_string(i) + " " + std::to_string(i) + "\n";
  }
  const Run run = cli.run("", input);
  CHECK(run.code == 0);
  CHECK(run.out.size() == 50'000 * 3);
  CHECK(cli.run("DBSIZE").out == "50000\n");
}

TEST_CASE("no server is exit code 2 and one clear line") {
  const CommandLine cli("--address 127.0.0.1:" + std::to_string(support::free_port()));
  const Run run = cli.run("PING");
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(run.errors.find("cannot connect to 127.0.0.1:") != std::string::npos);
}

TEST_CASE("--local works on a stopped server's data, and not on a running one's") {
  support::TestServer server;
  const CommandLine cli(address_of(server));
  const CommandLine local("--local --data " + server.data_directory());
  REQUIRE(cli.run("SET a 1").out == "OK\n");
  CHECK(local.run("GET a").code == 2);
  CHECK(server.stop() == 0);
  CHECK(local.run("GET a").out == "1\n");
  CHECK(local.run("", "MULTI\nINCR a\nINCR a\nEXEC\n").out == "OK\nQUEUED\nQUEUED\n*2\n2\n3\n");
  CHECK(local.run("SUBSCRIBE x").code == 1);
  CHECK(CommandLine("--local --data /nonexistent").run("GET a").code == 2);
  server.restart();
  CHECK(cli.run("GET a").out == "3\n");
}

TEST_CASE("a login takes its password from KIMDB_PASSWORD, or asks for it on a terminal only") {
  ::unsetenv("KIMDB_PASSWORD");
  support::TestServer server;
  const CommandLine cli(address_of(server) + " -u kim");
  // setsid: without a terminal of its own there is nobody to ask.
  const std::string base = support::built_binary("kimdb-cli");
  const support::TemporaryDirectory directory;
  const std::string file = directory.path() + "/err";
  const int status = std::system(
      ("setsid " + base + " " + address_of(server) + " -u kim PING </dev/null >/dev/null 2>" + file)
          .c_str());
  CHECK(WEXITSTATUS(status) == 2);
  CHECK(support::file_text(file).find("KIMDB_PASSWORD") != std::string::npos);
  ::setenv("KIMDB_PASSWORD", "wrong", 1);
  const Run wrong = cli.run("PING");
  ::unsetenv("KIMDB_PASSWORD");
  CHECK(wrong.code == 2);
  CHECK(wrong.errors.find("kimdb-cli: ") == 0);
}

TEST_CASE("apikey prints a new key and its hash") {
  const Run run = CommandLine("").run("apikey");
  CHECK(run.code == 0);
  const std::string begin = "key:      kimdb_";
  REQUIRE(run.out.starts_with(begin));
  const std::size_t end = run.out.find('\n');
  const std::string key = run.out.substr(10, end - 10);
  CHECK(run.out.substr(end + 1) == "key_hash: " + database::hash_api_key(key) + "\n");
  CHECK(CommandLine("").run("apikey").out != run.out);
}

TEST_CASE("passwd prints a hash that is one line of argon2id") {
  ::setenv("KIMDB_PASSWORD", "secret", 1);
  const Run run = CommandLine("").run("passwd");
  ::unsetenv("KIMDB_PASSWORD");
  CHECK(run.code == 0);
  CHECK(run.out.starts_with("$argon2id$"));
  CHECK(run.out.find('\n') == run.out.size() - 1);
}

// Rows of 10,000 bytes, made as they are asked for.
std::string rows_of(std::size_t count) {
  return "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < " +
         std::to_string(count) + ") SELECT n, printf('%010000d', n) AS v FROM c";
}

TEST_CASE("320 MB of rows go through kimdb-cli, which holds little of them, as does the server") {
  constexpr std::size_t kRows = 32'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::uint64_t kHeldMax = std::uint64_t{1} << 30;  // their allocators keep what is freed
#else
  constexpr std::uint64_t kHeldMax = 64 << 20;
#endif
  support::TestServer server;
  const std::uint64_t before = server.peak_resident_bytes();
  for (const std::string format : {"--csv", "--json", "--raw"}) {
    CAPTURE(format);
    support::ChildProcess cli(
        {support::built_binary("kimdb-cli"), "--address",
         "127.0.0.1:" + std::to_string(server.port()), format, "SQL", rows_of(kRows)},
        "/dev/null");
    std::uint64_t peak = 0;
    std::optional<int> code;
    while (!(code = cli.wait(std::chrono::milliseconds(5)))) {
      try {
        peak = std::max(peak, cli.peak_resident_bytes());
      } catch (const std::exception&) {
        // It has just ended.
      }
    }
    CHECK(peak > 0);
    CHECK(*code == 0);
    CHECK(peak < kHeldMax);
  }
  CHECK(server.peak_resident_bytes() - before < kHeldMax);
}

TEST_CASE("each row of a long answer is shown once, in one shot and from a pipe, in its place") {
  constexpr std::size_t kRows = 2'000;
  support::TestServer server;
  const CommandLine cli(address_of(server));
  std::string csv = "n,v\n";
  for (std::size_t i = 1; i <= kRows; ++i) {
    const std::string digits = std::to_string(i);
    csv += digits + "," + std::string(10'000 - digits.size(), '0') + digits + "\n";
  }
  const std::string statement = "SQL \"" + rows_of(kRows) + "\"";
  CHECK((cli.run("--csv " + statement).out == csv));
  const Run piped =
      cli.run("--csv", "ECHO 1\n" + rows_of(kRows) + ";\nECHO 2\n" + rows_of(kRows) + ";\n");
  CHECK(piped.code == 0);
  CHECK((piped.out == "1\n" + csv + "2\n" + csv));
  const Run json = cli.run("--json " + statement);
  CHECK(std::count(json.out.begin(), json.out.end(), '\n') == 1);
  CHECK(json.out.starts_with("[{\"n\":1,"));
  CHECK(json.out.ends_with("2000\"}]\n"));
}

TEST_CASE("a long answer that fails in the middle is an error in each format") {
  support::TestServer server({"sql.statement_timeout=300ms"});
  const CommandLine cli(address_of(server));
  const std::string endless =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";
  const std::string why = "the statement took longer than sql.statement_timeout allows";
  Run run = cli.run("SQL \"" + endless + "\"");
  CHECK(run.code == 1);
  CHECK(run.out.starts_with("*?\n*"));
  CHECK(run.out.ends_with("\nERROR: " + why + "\n"));
  run = cli.run("--json SQL \"" + endless + "\"");
  CHECK(run.code == 1);
  CHECK(run.out.starts_with("[{\"n\":1},"));
  CHECK(run.out.ends_with("}\n{\"error\":\"" + why + "\"}\n"));
  run = cli.run("--csv", "SET a 1\n" + endless + ";\nGET a\n");
  CHECK(run.code == 1);
  CHECK(run.out.starts_with("OK\nn\n1\n2\n"));
  CHECK(run.out.ends_with("\nERROR: " + why + "\n1\n"));
  CHECK(run.errors == "kimdb-cli: line 2: ERR " + why + "\n");
}

}  // namespace
}  // namespace kimdb::cli
