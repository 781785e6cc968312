// A TCP connection with deadlines: the client library's only way to the network.
//
// Plain poll(2) on a non-blocking socket, because asio's synchronous calls know no timeouts and the
// library's users would have to build asio. Owned by one Client; one thread. Never signals
// (MSG_NOSIGNAL), never retries.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "base/tls.h"

namespace kimdb::client {

using TimePoint = std::chrono::steady_clock::time_point;

// The time point after `timeout`; none (waits without end) for 0.
std::optional<TimePoint> deadline_after(std::chrono::milliseconds timeout);

enum class Waited { ready, timed_out, cancelled };

// Waits until `descriptor` shows one of `events` (poll's), or `cancel_descriptor` (-1: none) can be
// read, or the deadline (none: no end) passes. Cancelling wins over being ready.
Waited wait_for(int descriptor, short events, std::optional<TimePoint> deadline,
                int cancel_descriptor);

class Socket {
 public:
  Socket() = default;
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  // Tries the addresses that the host's name stands for, one after the other. unavailable where
  // none answers before the deadline or it was cancelled. Looking the name up does not know the
  // deadline.
  static Result<Socket> connect(const Address& address, std::optional<TimePoint> deadline,
                                int cancel_descriptor);

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  void close();

  // Goes on in TLS; the server has proved that it is `host` when this returns. Once, before
  // anything is sent. unavailable where it is not, or not in time.
  Status encrypt(const TlsContextPointer& context, const std::string& host,
                 std::optional<TimePoint> deadline, int cancel_descriptor);

  // Hands the kernel what it takes without waiting; how many bytes, maybe 0.
  Result<std::size_t> send_some(std::string_view bytes);
  // Appends to `buffer` what has arrived, without waiting; how many bytes, maybe 0. unavailable
  // where the other side has closed.
  Result<std::size_t> receive_some(std::string& buffer);

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Result<std::size_t> receive_decrypted(std::string& buffer);

  int descriptor_ = -1;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
};

}  // namespace kimdb::client
