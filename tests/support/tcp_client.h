// A plain blocking socket for tests: bytes out, bytes in, and a time after which waiting is a
// failure.
//
// Knows as little of the server as possible, so that it can send what no client library would.
// Throws TcpError on a timeout, a closed or a refused connection. One thread at a time, except that
// one may send while another receives.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/resp_reply.h"

namespace kimdb::support {

class TcpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// *2\r\n$3\r\nGET\r\n$1\r\nk\r\n
std::string resp_request(std::span<const std::string> words);
std::string resp_request(std::initializer_list<std::string_view> words);

class TcpClient {
 public:
  static constexpr std::chrono::milliseconds kTimeout{20'000};

  // Connects to 127.0.0.1:port. `timeout` bounds this and every later call.
  explicit TcpClient(std::uint16_t port, std::chrono::milliseconds timeout = kTimeout);
  ~TcpClient();
  TcpClient(TcpClient&& other) noexcept;
  TcpClient& operator=(TcpClient&& other) noexcept;

  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

  void send(std::string_view bytes);
  // Sends what fits without waiting; how many bytes that were. Throws only where the connection is
  // gone.
  std::size_t send_some(std::string_view bytes);

  std::string receive_line();  // without its LF or CRLF
  std::string receive_exact(std::size_t size);
  RespReply receive_reply();          // one whole RESP reply
  std::string receive_until_close();  // everything until the server closes
  // True once the server has closed; waits for it up to the timeout, throwing away what it still
  // sends.
  bool wait_for_close();
  // What has arrived by now, without waiting for more.
  std::string receive_available();

  // A line sent, a line received.
  std::string ask(std::string_view line);
  // A RESP array sent, a reply received.
  RespReply call(std::initializer_list<std::string_view> words);
  RespReply call(std::span<const std::string> words);

  void shutdown_sending();  // the server reads the end of input
  void close();
  // Makes the kernel buffer little, so that a client that does not read fills up soon. Before any
  // traffic.
  void shrink_receive_buffer();

 private:
  // Waits for more bytes into received_; false at the end of the stream.
  bool receive_more(std::chrono::steady_clock::time_point deadline);
  std::chrono::steady_clock::time_point deadline() const;
  std::string take(std::size_t size);

  int descriptor_ = -1;
  std::chrono::milliseconds timeout_;
  std::string received_;
  std::size_t taken_ = 0;  // bytes at the front of received_ that were handed out
};

}  // namespace kimdb::support
