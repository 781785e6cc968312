// Redis' own tools against the real server, as docs/redis.md says that they are used.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;

struct Ran {
  int code = -1;
  std::string output;
};

Ran run(const std::vector<std::string>& arguments) {
  const TemporaryDirectory directory;
  const std::string output = directory.path() + "/output";
  ChildProcess process(arguments, output);
  const auto code = process.wait(60s);
  REQUIRE(code.has_value());
  return {*code, file_text(output)};
}

// What redis-benchmark measured without an error, by its lines ("SET: 100000.00 requests per
// second, …").
Ran benchmark(std::uint16_t port, std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      "redis-benchmark", "-p", std::to_string(port), "-n", "200", "-c", "5", "-q"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments);
}

bool measured(const Ran& ran, const std::string& name) {
  return ran.output.find(name + ": ") != std::string::npos &&
         ran.output.find("requests per second", ran.output.rfind(name + ": ")) != std::string::npos;
}

}  // namespace

TEST_CASE("redis-benchmark measures what kimdb has, on the port of lines") {
  TestServer server({"wal.sync=off"});
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{}, {"-P", "16"}, {"-3"}, {"--threads", "2"}}) {
    std::vector<std::string> arguments = {"-t", "ping_mbulk,set,get,incr,mset"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = benchmark(server.port(), arguments);
    INFO(ran.output);
    CHECK(ran.code == 0);
    CHECK(ran.output.find("rror") == std::string::npos);
    for (const char* name : {"PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"})
      CHECK(measured(ran, name));
  }
}

TEST_CASE("redis-benchmark measures inline commands on network.resp_address") {
  const std::uint16_t port = free_port();
  TestServer server({"wal.sync=off", "network.resp_address=127.0.0.1:" + std::to_string(port)});
  const Ran ran = benchmark(port, {"-t", "ping,set,get,incr,mset"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  for (const char* name : {"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"})
    CHECK(measured(ran, name));
  // Without -t it goes as far as the first type that is not there.
  const Ran all = benchmark(port, {});
  INFO(all.output);
  CHECK(all.code != 0);
  CHECK(measured(all, "INCR"));
  CHECK(all.output.find("ERR unknown command 'LPUSH'") != std::string::npos);
}

}  // namespace kimdb::support
