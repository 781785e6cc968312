// One I/O thread: an io_context, the sockets that belong to it, and buffers that its connections
// share.
//
// A connection stays on the thread that got it, and everything of a connection happens on its
// thread; others reach it by post(). Owned by Server.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "database/database.h"
#include "server/poller.h"

namespace kimdb::server {

class Connection;

class IoThread final : public database::ChangeListener {
 public:
  explicit IoThread(database::Database& database);
  virtual ~IoThread() { stop(); }

  void start();
  // Reads no more, sends what is to be sent (for two seconds at most), closes all connections and
  // ends the thread.
  void stop();

  // Any thread: the work is done on this one, soon.
  template <class Work>
  void post(Work&& work) {
    asio::post(context_, std::forward<Work>(work));
    poller_.wake();
  }

  // Any thread: the log got further, replies that waited may go. Posts only where somebody waits.
  void wake();
  void changes_ready() override;

  // --- for connections, on this thread ---
  database::Database& database() { return database_; }
  Poller& poller() { return poller_; }
  database::ThreadStatistics* statistics() { return statistics_; }
  // Shared buffers, valid until the connection returns.
  static constexpr std::size_t kReceiveBytes = 256 << 10;
  char* receive_buffer() { return receive_buffer_.get(); }
  std::string& output_buffer() { return output_buffer_; }
  static constexpr std::size_t kRequestsAhead = 16;
  std::array<protocol::Request, kRequestsAhead>& requests() { return requests_; }
  // Unix ms, read once a round.
  std::int64_t now_ms();
  // The connection has replies that wait for `lsn`: release() is called when the log got further.
  void wait_for(Connection& connection, Lsn lsn);
  // The same for an LSN that was asked for before.
  void keep_waiting(Connection& connection);
  void add(const std::shared_ptr<Connection>& connection);
  void remove(const std::shared_ptr<Connection>& connection);
  // Its on_changes() is called whenever there may be some, until it is removed.
  void follow(const std::shared_ptr<Connection>& connection) { following_.insert(connection); }

  // All sockets that were ready together have been served: what they wrote becomes one group
  // commit.
  void round_end();

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  std::vector<std::shared_ptr<Connection>> open_connections() const;
  void release();
  void tell_followers();
  void tick();

  database::Database& database_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Poller poller_;
  // On its thread:
  bool stopping_ = false;
  Clock::time_point stop_at_{};
  database::ThreadStatistics* statistics_;
  std::unique_ptr<char[]> receive_buffer_;
  std::string output_buffer_;
  std::array<protocol::Request, kRequestsAhead> requests_;
  std::int64_t now_ms_ = 0;  // 0: to be read

  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> waiting_;
  Lsn wanted_ = 0;  // the highest LSN that a connection of this round waits for
  std::atomic<bool> somebody_waits_{false};
  std::atomic<bool> wake_posted_{false};

  std::unordered_set<std::shared_ptr<Connection>> following_;
  std::vector<std::shared_ptr<Connection>> to_tell_;  // of following_, in this pass
  bool telling_ = false;                              // a pass goes on
  bool tells_again_ = false;                          // another pass has to follow
  std::atomic<bool> changes_posted_{false};
  std::thread thread_;
};

}  // namespace kimdb::server
