// One connection's bytes: a socket, what was received from it, and the reader that makes values of
// that. Knows nothing of commands. Owned by ClientState; one thread. Not installed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "client/socket.h"
#include "protocol/reply_reader.h"

namespace kimdb::client {

// How long to wait, and what ends a wait before.
struct Patience {
  std::optional<TimePoint> deadline;  // none: no end
  int cancel_descriptor = -1;
};

class Connection {
 public:
  // `tls`: null where the connection is not encrypted.
  Connection(std::size_t reply_bytes_max, TlsContextPointer tls)
      : tls_(std::move(tls)), reader_({.message_bytes = reply_bytes_max}) {}

  // unavailable where there is no connection to be had in time.
  Status open(const Address& address, const Patience& patience);
  void close();
  bool is_open() const { return socket_.is_open(); }

  // The next whole value of what has arrived; nothing where it is not there yet. unavailable where
  // the other side has closed, unsupported where it does not speak RESP.
  Result<std::optional<protocol::Value>> poll_value();
  // The same, waiting for it; nothing where the deadline passed or the wait was cancelled.
  Result<std::optional<protocol::Value>> wait_value(const Patience& patience);

  // Lists that come without their length are handed out (protocol::ReplyReader::hand_out): what has
  // come of one, since it was asked last.
  void hand_out(bool elements) { reader_.hand_out(elements); }
  std::vector<protocol::Value> take_elements() { return std::exchange(elements_, {}); }

  // Hands the kernel what it takes; how many bytes, maybe 0.
  Result<std::size_t> send_some(std::string_view bytes) { return socket_.send_some(bytes); }
  // Waits until something can be received, or also sent.
  Waited wait(bool to_send, const Patience& patience);

 private:
  Result<std::optional<protocol::Value>> take_value();

  const TlsContextPointer tls_;
  Socket socket_;
  std::string received_;
  std::size_t taken_ = 0;  // bytes at the front of received_ that are done with
  bool exhausted_ = true;  // received_ holds no whole value behind taken_
  protocol::ReplyReader reader_;
  std::vector<protocol::Value> elements_;
};

}  // namespace kimdb::client
