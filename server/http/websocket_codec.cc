#include "server/http/websocket_codec.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace kimdb::server {

namespace {

// FIN and opcode; frames to the client are not masked.
void append_frame(std::string& out, unsigned char opcode, std::string_view payload) {
  const std::uint64_t size = payload.size();
  out += static_cast<char>(0x80 | opcode);
  const auto append_size = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  };
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size < 1 << 16) {
    out += '\x7e';
    append_size(2);
  } else {
    out += '\x7f';
    append_size(8);
  }
  out += payload;
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1> encoded{};
  const int size = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size)};
}

void append_text_frame(std::string& out, std::string_view text) {
  append_frame(out, WSLAY_TEXT_FRAME, text);
}

void append_ping_frame(std::string& out) { append_frame(out, WSLAY_PING, {}); }

void append_close_frame(std::string& out, CloseCode code, std::string_view reason) {
  const auto number = static_cast<std::uint16_t>(code);
  std::string payload{static_cast<char>(number >> 8), static_cast<char>(number)};
  payload += reason;
  append_frame(out, WSLAY_CONNECTION_CLOSE, payload);
}

WebSocketCodec::WebSocketCodec(std::size_t message_bytes_max) {
  const wslay_event_callbacks callbacks = {
      .recv_callback = on_receive, .send_callback = on_send, .on_msg_recv_callback = on_message};
  if (wslay_event_context_server_init(&context_, &callbacks, this) != 0) throw std::bad_alloc();
  wslay_event_config_set_max_recv_msg_length(context_, message_bytes_max);
}

WebSocketCodec::~WebSocketCodec() { wslay_event_context_free(context_); }

bool WebSocketCodec::receive(std::string_view bytes, std::vector<std::string>& messages,
                             std::string& out) {
  input_ = bytes;
  messages_ = &messages;
  out_ = &out;
  const bool received = wslay_event_recv(context_) == 0;
  const bool answered = wslay_event_send(context_) == 0;
  return received && answered && wslay_event_want_read(context_) != 0;
}

ssize_t WebSocketCodec::on_receive(wslay_event_context_ptr context, std::uint8_t* buffer,
                                   std::size_t size, int, void* self) {
  std::string_view& input = static_cast<WebSocketCodec*>(self)->input_;
  const std::size_t count = std::min(size, input.size());
  if (count == 0) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  std::memcpy(buffer, input.data(), count);
  input.remove_prefix(count);
  return static_cast<ssize_t>(count);
}

ssize_t WebSocketCodec::on_send(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size,
                                int, void* self) {
  static_cast<WebSocketCodec*>(self)->out_->append(reinterpret_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

void WebSocketCodec::on_message(wslay_event_context_ptr context,
                                const wslay_event_on_msg_recv_arg* message, void* self) {
  if (message->opcode == WSLAY_TEXT_FRAME) {
    static_cast<WebSocketCodec*>(self)->messages_->emplace_back(
        reinterpret_cast<const char*>(message->msg), message->msg_length);
  } else if (message->opcode == WSLAY_BINARY_FRAME) {
    constexpr std::string_view kReason = "messages are text";
    wslay_event_queue_close(context, static_cast<std::uint16_t>(CloseCode::unsupported_data),
                            reinterpret_cast<const std::uint8_t*>(kReason.data()), kReason.size());
    wslay_event_shutdown_read(context);
  }
}

}  // namespace kimdb::server
