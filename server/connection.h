// A TCP connection of a client: its socket, TLS, and what waits to be sent. What the bytes mean,
// Session (lines and RESP) and HttpSession say.
//
// Lives on one I/O thread; close_from_anywhere() is for others.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/tls.h"
#include "base/unique_fd.h"
#include "database/session.h"
#include "server/io_thread.h"
#include "server/tls_connection.h"

namespace kimdb::server {

class ConnectionManager;

// What all connections of a server share. Borrowed; CONFIG SET changes what is atomic, on whatever
// thread.
struct ConnectionOptions {
  std::atomic<std::size_t> max_message_size{1 << 20};
  std::atomic<std::size_t> max_output_buffer{64 << 20};
  // 0: none
  std::atomic<std::chrono::milliseconds> idle_timeout{std::chrono::milliseconds(0)};
  std::atomic<std::chrono::milliseconds> http_idle_timeout{std::chrono::milliseconds(0)};
  std::atomic<std::chrono::milliseconds> idle_transaction_timeout{std::chrono::milliseconds(0)};
  std::atomic<std::chrono::milliseconds> request_timeout{std::chrono::milliseconds(0)};
  std::atomic<bool> greeting{false};
  bool auth_enabled = false;
  TlsContextPointer tls;  // null: connections are not encrypted
};

// A connected socket that does not block.
struct Socket {
  UniqueFd fd;
  std::string peer_host;     // "127.0.0.1"
  std::string peer_address;  // with its port
  std::string local_address;
};

class Connection : public std::enable_shared_from_this<Connection>, public Poller::Target {
 public:
  // `id` 0: there are too many connections, which is all that this one is told.
  Connection(IoThread& thread, ConnectionManager& connections, Socket socket, std::uint64_t id,
             const ConnectionOptions& options);
  ~Connection() override;

  // On its thread, once.
  void start();
  // Any thread. `why` goes to the server's log.
  void close_from_anywhere(std::string why);
  const database::SessionInfo& info() const { return info_; }
  bool refused() const { return info_.id == 0; }

  // --- on its thread ---
  void on_ready(bool readable, bool writable) final;
  // The log got further, or will not: lets go what was waiting for that.
  virtual void release() = 0;
  // Changes may have come that it follows (IoThread::follow).
  virtual void on_changes() {}
  void check_timeouts(std::int64_t now_ms);
  void close(std::string_view why);
  // Executes nothing more and closes once every reply is sent.
  void finish();
  // Of what is gathered for a stream of changes: sent from this size on.
  static constexpr std::size_t kSendBytes = 256 << 10;
  bool waits = false;  // IoThread's: the connection is in its list

 protected:
  // --- what the bytes mean ---
  // Before anything is received; for a greeting.
  virtual void on_open() {}
  virtual void on_received(std::string_view bytes) = 0;
  virtual void on_input_ended() {}
  // Some of what waited has been sent.
  virtual void on_sent() = 0;
  virtual void on_closed() = 0;
  // Once before the end, where the server stops or the connection ends by itself.
  virtual void on_finish() {}
  // About once a second.
  virtual void on_tick() {}
  // Whether more may be read.
  virtual bool takes_input() const = 0;
  // Nothing is awaited any more but the socket.
  virtual bool is_done() = 0;
  // How long it may be silent as it is now.
  struct IdleLimit {
    std::chrono::milliseconds time{0};  // 0: for ever
    std::string_view key;               // of the configuration
  };
  virtual IdleLimit idle_limit() const = 0;
  // Tells that there are too many connections, or that this port speaks TLS; `first` is the first
  // byte that the client has sent, 0: none.
  virtual void tell_too_many(char first) = 0;
  virtual void tell_tls(char first) = 0;

  void send(std::string_view bytes);
  void update_interest();
  void close_if_done();
  bool congested() const { return queue_.size() - queue_sent_ > kQueueSoftLimit; }

  static constexpr std::size_t kQueueSoftLimit =
      1 << 20;  // above it nothing more is read or executed

  IoThread& thread_;
  ConnectionManager& connections_;
  const ConnectionOptions& options_;
  database::SessionInfo info_;
  const std::string peer_host_;  // "127.0.0.1", "::1"
  bool open_ = true;
  bool input_ended_ = false;  // the client has shut down its side
  bool close_when_sent_ = false;
  // What the client still sends is read and thrown away before the connection is closed, since
  // closing it at once could take from the client what was sent last.
  bool lingers_ = false;
  // What is sent at once may be larger than network.max_output_buffer, if nothing waits before it.
  bool sends_wholes_ = false;
  std::int64_t started_request_ms_ = 0;  // when the unfinished request began, 0: none

 private:
  // As recv and send, through TLS where that is asked for.
  ssize_t read_some(char* out, std::size_t size);
  ssize_t write_some(std::string_view bytes);
  std::string failure() const;  // of the two
  bool begin_tls();
  void receive();
  void close_slow(std::string_view why);
  void refuse(char first);
  void begin_to_linger();
  void flush_queue();

  UniqueFd socket_;
  std::unique_ptr<TlsConnection> tls_;  // from the first byte on, where it is asked for
  std::string queue_;                   // what may go and the socket did not take yet
  std::size_t queue_sent_ = 0;
  Poller::Interest interest_;
  std::int64_t stalled_since_ms_ = 0;    // since when the socket takes nothing, 0: it does
  std::int64_t lingering_since_ms_ = 0;  // since when it waits for the client's end, 0: it does not
};

}  // namespace kimdb::server
