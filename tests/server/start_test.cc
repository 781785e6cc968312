// What the server says when it starts, and when it cannot.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/http_server.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;

bool says(const TestServer& server, const std::string& text) {
  INFO(server.output());
  const bool found = server.output().find(text) != std::string::npos;
  CHECK_MESSAGE(found, text);
  return found;
}

// One more server with these settings, and what it says until it ends.
struct Ended {
  int code = -1;
  std::string output;
};

Ended start(const std::vector<std::string>& settings) {
  const TemporaryDirectory directory;
  std::vector<std::string> arguments = {built_binary("kimdb-server")};
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  ChildProcess process(arguments, directory.path() + "/output");
  const auto code = process.wait(30s);
  return {code.value_or(-1), file_text(directory.path() + "/output")};
}

}  // namespace

TEST_CASE("the last lines of the start say where the data is and how to talk to the server") {
  HttpServer http;
  TestServer& server = http.server();
  says(server, "data is in " + server.data_directory() + "\n");
  const std::string port = std::to_string(server.port());
  says(server, "ready; talk to it by " + built_binary("kimdb-cli") + " --address 127.0.0.1:" +
                   port + ", or by nc 127.0.0.1 " + port + " (SET user1 John)\n");
  says(server, "in a browser: http://127.0.0.1:" + std::to_string(http.port()) + "/docs\n");
  CHECK(http.request("GET", "/docs").status == 200);
}

TEST_CASE(
    "a server without a log says that its data goes with it, and one without HTTP names none") {
  TestServer server({"wal.enabled=false"});
  says(server, "gone when the server stops (wal.enabled: false)");
  CHECK(server.output().find("in a browser") == std::string::npos);
}

TEST_CASE("a second server on the same directory or port says what to do") {
  TestServer server;
  const Ended same_data =
      start({"wal.data_directory=" + server.data_directory(),
             "network.address=127.0.0.1:" + std::to_string(free_port()), "http.address="});
  CHECK(same_data.code == 1);
  INFO(same_data.output);
  CHECK(same_data.output.find("is held by another process (pid ") != std::string::npos);
  CHECK(same_data.output.find("stop it, or use another directory") != std::string::npos);

  const TemporaryDirectory other;
  const Ended same_port =
      start({"wal.data_directory=" + other.path() + "/data",
             "network.address=127.0.0.1:" + std::to_string(server.port()), "http.address="});
  CHECK(same_port.code == 1);
  INFO(same_port.output);
  CHECK(same_port.output.find("--set network.address=HOST:PORT") != std::string::npos);
}

TEST_CASE("an HTTP address that was asked for must be had") {
  HttpServer http;
  const TemporaryDirectory other;
  const Ended asked = start({"wal.data_directory=" + other.path() + "/data",
                             "network.address=127.0.0.1:" + std::to_string(free_port()),
                             "http.address=127.0.0.1:" + std::to_string(http.port())});
  CHECK(asked.code == 1);
  INFO(asked.output);
  CHECK(asked.output.find("--set http.address=HOST:PORT") != std::string::npos);
}

TEST_CASE("a default HTTP address that is taken is done without, which a warning says") {
  // Whoever has the default port keeps it; else a server of this test does.
  const TemporaryDirectory first, second;
  const auto arguments = [](const TemporaryDirectory& directory, std::uint16_t port) {
    return std::vector<std::string>{built_binary("kimdb-server"), "--set",
                                    "wal.data_directory=" + directory.path() + "/data", "--set",
                                    "network.address=127.0.0.1:" + std::to_string(port)};
  };
  const std::uint16_t first_port = free_port();
  ChildProcess one(arguments(first, first_port), first.path() + "/output");
  wait_for_pong(one, first_port, first.path() + "/output");
  const std::uint16_t second_port = free_port();
  ChildProcess two(arguments(second, second_port), second.path() + "/output");
  wait_for_pong(two, second_port, second.path() + "/output");
  const std::string output = file_text(second.path() + "/output");
  INFO(output);
  CHECK(output.find("warning no HTTP: cannot listen on 127.0.0.1:40000 (http.address)") !=
        std::string::npos);
  CHECK(output.find("in a browser") == std::string::npos);
}

}  // namespace kimdb::support
