// A WebSocket client for tests: messages of text over a TcpClient.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/tcp_client.h"

namespace kimdb::support {

// A frame as a client sends it; `masked` false is against the protocol.
std::string websocket_frame(unsigned char first_byte, std::string_view payload, bool masked = true);

class WebSocketClient {
 public:
  // Connects, and reads what it is greeted by.
  explicit WebSocketClient(std::uint16_t port,
                           std::chrono::milliseconds timeout = TcpClient::kTimeout,
                           std::string_view headers = "");

  void send(std::string_view text) { tcp_.send(websocket_frame(0x81, text)); }
  // The next message of text. Throws TcpError where the server closes; then close_code() says why.
  std::string receive();
  // Sends, and gives the next message that is no change; changes before it are thrown away.
  std::string ask(std::string_view text);
  // The next message that is a change; others are thrown away.
  std::string receive_change();
  std::uint16_t close_code() const { return close_code_; }
  const std::string& greeting() const { return greeting_; }
  TcpClient& tcp() { return tcp_; }

 private:
  TcpClient tcp_;
  std::string greeting_;
  std::uint16_t close_code_ = 0;
};

}  // namespace kimdb::support
