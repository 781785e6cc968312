#include "tests/support/websocket_client.h"

namespace kimdb::support {

std::string websocket_frame(unsigned char first_byte, std::string_view payload, bool masked) {
  std::string out(1, static_cast<char>(first_byte));
  const std::uint64_t size = payload.size();
  const int bytes = size < 126 ? 0 : size < 1 << 16 ? 2 : 8;
  const auto length = static_cast<unsigned char>(bytes == 0 ? size : bytes == 2 ? 126 : 127);
  out += static_cast<char>(length | (masked ? 0x80 : 0));
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  constexpr std::string_view kMask = "\x12\x34\x56\x78";
  if (masked) out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(masked ? payload[i] ^ kMask[i % 4] : payload[i]);
  return out;
}

WebSocketClient::WebSocketClient(std::uint16_t port, std::chrono::milliseconds timeout,
                                 std::string_view headers)
    : tcp_(port, timeout) {
  tcp_.send(
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      std::string(headers) + "\r\n");
  const std::string status = tcp_.receive_line();
  if (status != "HTTP/1.1 101 Switching Protocols") throw TcpError(status);
  std::string accept;
  for (std::string line = tcp_.receive_line(); !line.empty(); line = tcp_.receive_line())
    if (line.starts_with("Sec-WebSocket-Accept: ")) accept = line.substr(22);
  // The example of RFC 6455, section 1.3.
  if (accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") throw TcpError("accepted by " + accept);
  greeting_ = receive();
}

std::string WebSocketClient::receive() {
  for (;;) {
    const std::string head = tcp_.receive_exact(2);
    const auto opcode = static_cast<unsigned char>(head[0]) & 15;
    std::uint64_t size = static_cast<unsigned char>(head[1]);
    if (size >= 126) {
      const std::string extended = tcp_.receive_exact(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : extended) size = size << 8 | static_cast<unsigned char>(c);
    }
    std::string payload = tcp_.receive_exact(size);
    if (opcode == 1) return payload;
    if (opcode == 9) tcp_.send(websocket_frame(0x8a, payload));
    if (opcode != 8) continue;
    if (payload.size() >= 2)
      close_code_ = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                               static_cast<unsigned char>(payload[1]));
    throw TcpError("closed by " + std::to_string(close_code_));
  }
}

std::string WebSocketClient::ask(std::string_view text) {
  send(text);
  std::string reply;
  do reply = receive();
  while (reply.starts_with("{\"type\":\"sync\""));
  return reply;
}

std::string WebSocketClient::receive_change() {
  std::string message;
  do message = receive();
  while (!message.starts_with("{\"type\":\"sync\""));
  return message;
}

}  // namespace kimdb::support
