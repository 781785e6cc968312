// WebSocket's frames (RFC 6455) on the server's side: bytes to messages and back, across any split.
// What the protocol is, libwslay knows. No extensions are agreed upon.
//
// Pure: bytes in, messages out. One for each connection.
#pragma once

#include <wslay/wslay.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::server {

// What a client's Sec-WebSocket-Key is answered by.
std::string websocket_accept(std::string_view key);

// A message of text as one frame.
void append_text_frame(std::string& out, std::string_view text);
void append_ping_frame(std::string& out);
// RFC 6455, section 7.4.1; `reason` is shorter than 124 bytes.
enum class CloseCode : std::uint16_t {
  going_away = 1001,
  unsupported_data = 1003,
  policy_violation = 1008,
  internal_error = 1011,
  try_again_later = 1013,
};
void append_close_frame(std::string& out, CloseCode code, std::string_view reason);

class WebSocketCodec {
 public:
  // A message may have this many bytes.
  explicit WebSocketCodec(std::size_t message_bytes_max);
  ~WebSocketCodec();
  WebSocketCodec(const WebSocketCodec&) = delete;
  WebSocketCodec& operator=(const WebSocketCodec&) = delete;

  // Adds the messages of text that have come whole, and to `out` what the protocol itself has to
  // answer. False where nothing more is to be read: the client has closed, or does not keep to the
  // protocol; `out` ends with a close frame.
  bool receive(std::string_view bytes, std::vector<std::string>& messages, std::string& out);

 private:
  static ssize_t on_receive(wslay_event_context_ptr context, std::uint8_t* buffer, std::size_t size,
                            int flags, void* self);
  static ssize_t on_send(wslay_event_context_ptr context, const std::uint8_t* data,
                         std::size_t size, int flags, void* self);
  static void on_message(wslay_event_context_ptr context,
                         const wslay_event_on_msg_recv_arg* message, void* self);

  wslay_event_context_ptr context_ = nullptr;
  // During receive():
  std::string_view input_;
  std::vector<std::string>* messages_ = nullptr;
  std::string* out_ = nullptr;
};

}  // namespace kimdb::server
