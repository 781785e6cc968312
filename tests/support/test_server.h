// The real kimdb-server as a child process, on a free port of 127.0.0.1 with a data directory of
// its own.
//
// The binary is $KIMDB_BUILD/bin/kimdb-server (tools/test.sh sets KIMDB_BUILD; build/release
// otherwise). Calls throw where the server does not do what they say, with what it printed. One
// thread; port() and connect() from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temporary_directory.h"

namespace kimdb::support {

// $KIMDB_BUILD/bin/<name>.
std::string built_binary(const std::string& name);

class TestServer {
 public:
  // Starts it and waits until it answers. `settings` go on the command line, each as --set.
  explicit TestServer(std::vector<std::string> settings = {});

  std::uint16_t port() const { return port_; }
  std::string data_directory() const { return directory_.path() + "/data"; }
  TcpClient connect(std::chrono::milliseconds timeout = TcpClient::kTimeout) const {
    return TcpClient(port_, timeout);
  }

  // For the next start.
  void set(std::vector<std::string> settings) { settings_ = std::move(settings); }

  // kill -9. What was answered before it stays promised.
  void kill();
  // Starts it again on the same port and data; waits until it answers.
  void restart();
  // The same without waiting: it may be killed while it recovers.
  void launch();
  void wait_until_ready();
  // SIGTERM; returns the exit code. Throws when it has not ended within a minute.
  int stop();

  bool running();
  std::uint64_t resident_bytes() const { return process_->resident_bytes(); }
  std::uint64_t peak_resident_bytes() const { return process_->peak_resident_bytes(); }
  pid_t pid() const { return process_->pid(); }
  // Everything that its processes printed.
  std::string output() const;

 private:
  TemporaryDirectory directory_;
  std::uint16_t port_;
  std::vector<std::string> settings_;
  std::unique_ptr<ChildProcess> process_;
};

// Waits until the server on `port` answers PING with PONG. Throws, with `output_path`'s end, when
// `process` ends before, or after a minute.
void wait_for_pong(ChildProcess& process, std::uint16_t port, const std::string& output_path);

}  // namespace kimdb::support
