// One connection between a master and a slave: whole messages over a socket. Used by the coroutines
// of one io_context.
//
// Before the first message the slave sends kPreamble: a line that a client port answers with an
// error one can recognize. Where TLS is asked for, all of that is inside it.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "replication/message.h"

namespace kimdb::replication {

constexpr std::string_view kPreamble = "KIMDB-REPLICATION\r\n";

// Ends a connection; the text is for the log.
struct Disconnected {
  std::string why;
};

class TlsContext;

class Channel {
 public:
  // `message_bytes_max`: what the other side may send at once.
  Channel(asio::ip::tcp::socket socket, std::size_t message_bytes_max);
  ~Channel();

  // All of these throw Disconnected where the connection or the other side fails.
  enum class Side { master, slave };
  // Goes on in TLS; the other side has proved who it is when this returns. A slave without TLS is
  // told to use it.
  asio::awaitable<void> encrypt(TlsContext& tls, Side side);
  asio::awaitable<void> send(std::string_view bytes);
  asio::awaitable<void> send(const Message& message);
  // Skips kPreamble.
  asio::awaitable<void> expect_preamble();
  // Waits for the next message; its views are good until the next call.
  asio::awaitable<Message> receive();
  // Whether receive() would give a message without waiting.
  bool has_message() const;

  void close();
  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  asio::awaitable<void> read_some();
  std::string_view unread() const {
    return std::string_view(buffer_).substr(begin_, end_ - begin_);
  }

  struct Tls;

  asio::ip::tcp::socket socket_;
  std::unique_ptr<Tls> tls_;  // null: not encrypted
  const std::size_t message_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not given yet
  std::size_t end_ = 0;    // of what was received
};

}  // namespace kimdb::replication
