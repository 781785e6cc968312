// The live connections: ids from one counter, from 1, never used again; SHOW PROCESSLIST, KILL and
// the limit look here.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "base/logging.h"
#include "base/mutex.h"
#include "database/session.h"

namespace kimdb::server {

class Connection;

class ConnectionManager {
 public:
  ConnectionManager(Logger& logger, std::size_t max_connections)
      : logger_(logger), max_connections_(max_connections) {}

  std::uint64_t next_id() { return next_id_.fetch_add(1, std::memory_order_relaxed) + 1; }
  std::size_t max_connections() const { return max_connections_.load(std::memory_order_relaxed); }
  void set_max_connections(std::size_t limit) {
    max_connections_.store(limit, std::memory_order_relaxed);
  }
  bool full() const { return size() >= max_connections(); }
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  // Too many that only wait to be told so.
  bool too_many_refused() const { return refused_waiting_.load(std::memory_order_relaxed) > 128; }

  void began(const std::shared_ptr<Connection>& connection);
  void ended(const Connection& connection, std::string_view why);
  void for_each(const std::function<void(const database::SessionInfo&)>& visit) const;
  bool kill(std::uint64_t id);

  void count_in(std::uint64_t bytes) { bytes_in_.fetch_add(bytes, std::memory_order_relaxed); }
  void count_out(std::uint64_t bytes) { bytes_out_.fetch_add(bytes, std::memory_order_relaxed); }
  void count_slow_client() { slow_clients_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t slow_clients() const { return slow_clients_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_in() const { return bytes_in_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_out() const { return bytes_out_.load(std::memory_order_relaxed); }
  std::uint64_t received() const { return received_.load(std::memory_order_relaxed); }
  std::uint64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }

 private:
  Logger& logger_;
  std::atomic<std::size_t> max_connections_;
  std::atomic<std::uint64_t> next_id_{0};
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> refused_waiting_{0};
  std::atomic<std::uint64_t> received_{0}, rejected_{0}, bytes_in_{0}, bytes_out_{0},
      slow_clients_{0};
  mutable Mutex mutex_;
  std::map<std::uint64_t, std::weak_ptr<Connection>> connections_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::server
