#include "tests/support/redis_server.h"

#include <string>
#include <vector>

#include "tests/support/test_server.h"

namespace kimdb::support {

RedisServer::RedisServer() : port_(free_port()) {
  const std::string output = directory_.path() + "/output";
  const std::vector<std::string> arguments = {
      "redis-server",   "--port", std::to_string(port_), "--bind", "127.0.0.1",
      "--save",         "",       "--appendonly",        "no",     "--dir",
      directory_.path()};
  process_ = std::make_unique<ChildProcess>(arguments, output);
  wait_for_pong(*process_, port_, output);
}

}  // namespace kimdb::support
