// The socket of a Slave: connects to the master again and again, and carries messages between them.
//
// Owned by the server; has a thread of its own, on which the slave's node is called.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "replication/slave.h"

namespace kimdb::replication {

class Channel;

// The master as the slave sees it.
struct MasterStatus {
  bool connected = false;
  std::string why;                 // it is not
  CopyProgress copy;               // that comes from it, or is being loaded
  Lsn last_lsn = 0;                // of the master's log, as it said last
  Lag lag;                         // of what is applied here
  std::vector<std::string> peers;  // host:port of its other slaves, as far as it has told
  std::int64_t last_heard_ms = 0;  // Unix ms; 0: never
};

class SlaveClient {
 public:
  // `node`, `clock` and `logger` outlive it.
  SlaveClient(Node& node, Clock& clock, Logger& logger, SlaveOptions options);
  ~SlaveClient() { stop(); }

  void start();
  void stop();

  MasterStatus status() const;
  const std::string& master_address() const { return slave_.options().master_address; }

 private:
  asio::awaitable<void> run();
  asio::awaitable<void> connect_and_follow();
  asio::awaitable<void> follow(Channel& channel);
  asio::awaitable<void> watch(std::shared_ptr<Channel> channel);
  void note_heard();
  std::int64_t now_ms() const { return clock_.monotonic_ns() / 1'000'000; }

  Clock& clock_;
  Logger& logger_;
  asio::io_context context_{1};
  std::thread thread_;
  Slave slave_;               // on its thread
  std::string last_failure_;  // said in the server's log
  std::weak_ptr<Channel> channel_;

  mutable Mutex mutex_;
  MasterStatus status_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::replication
