#include <doctest/doctest.h>

#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

TEST_CASE("a command that runs when the server is stopped is still answered") {
  TestServer server;
  TcpClient client = server.connect();
  CHECK(client.ask("SET a 1") == "OK");
  client.send("DEBUG SLEEP 0.3\n");
  TcpClient other = server.connect();
  bool runs = false;
  while (!runs) {
    REQUIRE(other.ask("SHOW PROCESSLIST") == "*2");
    for (int i = 0; i < 2; ++i)
      runs |=
          other.receive_line().find("command=debug time=0 state=executing") != std::string::npos;
  }
  CHECK(server.stop() == 0);
  CHECK(client.receive_line() == "OK");
  server.restart();
  CHECK(server.connect().ask("GET a") == "1");
}

}  // namespace
}  // namespace kimdb::support
