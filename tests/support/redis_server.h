// Debian's redis-server as a child process, on a free port of 127.0.0.1: what kimdb's RESP replies
// are compared with.
#pragma once

#include <cstdint>
#include <memory>

#include "tests/support/child_process.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temporary_directory.h"

namespace kimdb::support {

class RedisServer {
 public:
  // Without persistence. Throws where redis-server is not installed.
  RedisServer();

  std::uint16_t port() const { return port_; }
  TcpClient connect() const { return TcpClient(port_); }

 private:
  TemporaryDirectory directory_;
  std::uint16_t port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace kimdb::support
