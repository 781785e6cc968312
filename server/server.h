// The TCP server: listeners, I/O threads, the live sessions; and what Database's commands ask of
// the program (Host).
//
// main makes it, starts it and stops it. Everything public is called from main's thread but the
// Host's functions, which any thread may call.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/logging.h"
#include "database/database.h"
#include "database/host.h"
#include "server/config_live.h"
#include "server/connection_manager.h"
#include "server/http/http_session.h"
#include "server/io_thread.h"
#include "server/replication.h"
#include "server/session.h"

namespace kimdb::server {

class Server final : public database::Host {
 public:
  // Connections are accepted on `control`, which main runs. `stop` asks main for a graceful stop.
  Server(asio::io_context& control, database::Database& database, Logger& logger,
         LiveConfig& config, std::string config_file, std::function<void(bool save)> stop);
  ~Server() override;

  // Binds the addresses of the configuration. Nothing is accepted yet.
  Status listen();
  void start();
  // Closes listeners, then sessions, then ends the threads.
  void stop();
  // Replies that wait for `durable` may go. Any thread.
  void wake();
  // After listen().
  bool serves_http() const { return serves_http_; }
  // Takes over what changed in the configuration.
  void apply(const Config& config);

  void for_each_session(
      const std::function<void(const database::SessionInfo&)>& visit) const override;
  bool kill_session(std::uint64_t id) override;
  NetworkStatistics network_statistics() const override;
  std::vector<std::pair<std::string, std::string>> config_get(
      std::string_view pattern) const override;
  Status config_set(const std::vector<std::pair<std::string, std::string>>& settings) override;
  Status config_rewrite() override;
  std::string config_file() const override { return config_file_; }
  void shut_down(bool save) override { stop_(save); }
  ReplicationStatus replication_status() const override {
    return replication_ == nullptr ? ReplicationStatus() : replication_->status();
  }
  Status follow_master(const std::string& address) override {
    return replication_ == nullptr ? Host::follow_master(address)
                                   : replication_->follow_master(address);
  }
  Status promote(bool force) override {
    return replication_ == nullptr ? Host::promote(force) : replication_->promote(force);
  }
  // Set before start(); null: none.
  void set_replication(Replication* replication) { replication_ = replication; }

 private:
  enum class Protocol { lines_and_resp, resp_only, http };
  struct Listener {
    asio::ip::tcp::acceptor acceptor;
    Protocol protocol;
  };
  Status listen_at(const std::string& address, std::string_view key, Protocol protocol);
  void apply_to_connections(const Config& config);
  void accept(Listener& listener);
  void begin_connection(asio::ip::tcp::socket accepted, Protocol protocol);

  asio::io_context& control_;
  database::Database& database_;
  Logger& logger_;
  LiveConfig& config_;
  const std::string config_file_;
  const std::function<void(bool save)> stop_;
  ConnectionOptions connection_options_;
  std::atomic<std::chrono::milliseconds> tcp_keepalive_{std::chrono::milliseconds(0)};  // 0: none
  RateLimiter rate_limiter_;
  HttpOptions http_options_;
  ConnectionManager connections_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t next_thread_ = 0;
  std::uint16_t port_ = 0;
  bool serves_http_ = false;
  Replication* replication_ = nullptr;
};

}  // namespace kimdb::server
