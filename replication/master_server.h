// The sockets of a Master: listens for slaves, and carries messages between them and it.
//
// Owned by the server; has a thread of its own.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "replication/master.h"

namespace kimdb::replication {

class MasterServer {
 public:
  // `node`, `clock` and `logger` outlive it.
  MasterServer(Node& node, Clock& clock, Logger& logger, MasterOptions options);
  ~MasterServer() { stop(); }

  Status listen();
  // The node has begun its term. `committed`: what was known to be committed before that.
  void start(Lsn committed);
  void stop();

  // Any thread: the log's written_lsn() or durable_lsn() rose. Cheap where no slave waits for more.
  void log_rose();

  // Any thread: changes what slaves were sent (the log is cut, or another one); they join anew.
  Status change_log(const std::function<Status()>& change);

  struct Snapshot {
    std::vector<SlaveStatus> slaves;
    bool quorum_missing = false;
    std::uint64_t higher_term = 0;  // that a slave has seen, which was refused for it
  };
  Snapshot status() const;

 private:
  struct Connection;

  asio::awaitable<void> accept();
  asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  asio::awaitable<void> send_all(Connection& connection);
  asio::awaitable<void> receive_all(std::shared_ptr<Connection> connection);
  asio::awaitable<void> tick();
  void wake_senders();
  std::int64_t now_ms() const { return clock_.monotonic_ns() / 1'000'000; }

  Node& node_;
  Clock& clock_;
  Logger& logger_;
  const MasterOptions options_;
  asio::io_context context_{1};
  asio::ip::tcp::acceptor acceptor_{context_};
  std::thread thread_;
  std::atomic<bool> senders_wait_{false};
  // On its thread:
  std::map<SlaveId, std::shared_ptr<Connection>> connections_;
  SlaveId last_id_ = 0;

  mutable Mutex mutex_;                                // for status(); all else is on the thread
  std::unique_ptr<Master> master_ GUARDED_BY(mutex_);  // from start() on
};

}  // namespace kimdb::replication
