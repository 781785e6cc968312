#include "replication/channel.h"

#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cstring>

namespace kimdb::replication {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;

// A client port answers the preamble with a line of text.
constexpr std::string_view kNotReplication =
    "it does not answer as a replication port: replication.master_address must be the master's "
    "replication.listen, not its network.address";

}  // namespace

asio::awaitable<void> Channel::send(std::string_view bytes) {
  asio::error_code error;
  co_await asio::async_write(socket_, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, error));
  if (error) throw Disconnected{error.message()};
}

asio::awaitable<void> Channel::send(const Message& message) {
  std::string bytes;
  append_message(bytes, message);
  co_await send(std::string_view(bytes));
}

asio::awaitable<void> Channel::expect_preamble() {
  while (unread().size() < kPreamble.size()) co_await read_some();
  if (!unread().starts_with(kPreamble)) throw Disconnected{"it does not speak kimdb's replication"};
  begin_ += kPreamble.size();
}

bool Channel::has_message() const {
  if (unread().size() < kMessageHeaderBytes) return false;
  const auto size = message_size(unread());
  return !size.has_value() || unread().size() >= *size;
}

asio::awaitable<Message> Channel::receive() {
  while (unread().size() < kMessageHeaderBytes) co_await read_some();
  const auto size = message_size(unread());
  if (!size) throw Disconnected{std::string(kNotReplication)};
  if (*size > message_bytes_max_) throw Disconnected{"it sends a message that is too long"};
  while (unread().size() < *size) co_await read_some();
  auto message = decode_message(unread().substr(0, *size));
  if (!message) throw Disconnected{message.error().message};
  begin_ += *size;
  co_return std::move(*message);
}

asio::awaitable<void> Channel::read_some() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(end_ + kReadBytes);
  asio::error_code error;
  end_ +=
      co_await socket_.async_read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
                                       asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::eof) throw Disconnected{"the other side has closed the connection"};
  if (error) throw Disconnected{error.message()};
}

void Channel::close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace kimdb::replication
