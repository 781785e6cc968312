#include "replication/channel.h"

#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/ssl/error.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <utility>

#include "replication/tls.h"

namespace kimdb::replication {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;

// A client port answers the preamble with a line of text.
constexpr std::string_view kNotReplication =
    "it does not answer as a replication port: replication.master_address must be the master's "
    "replication.listen, not its network.address";

constexpr unsigned char kTlsHandshake = 0x16;

std::string common_name(SSL* connection) {
  X509* certificate = SSL_get1_peer_certificate(connection);
  if (certificate == nullptr) return {};
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  X509_free(certificate);
  return name;
}

}  // namespace

struct Channel::Tls {
  Tls(asio::ip::tcp::socket& socket, asio::ssl::context& context) : stream(socket, context) {}
  asio::ssl::stream<asio::ip::tcp::socket&> stream;
};

Channel::Channel(asio::ip::tcp::socket socket, std::size_t message_bytes_max)
    : socket_(std::move(socket)), message_bytes_max_(message_bytes_max) {}

Channel::~Channel() = default;

asio::awaitable<void> Channel::encrypt(TlsContext& tls, Side side) {
  asio::error_code error;
  if (side == Side::master) {
    unsigned char first = 0;
    co_await socket_.async_receive(asio::buffer(&first, 1), asio::socket_base::message_peek,
                                   asio::redirect_error(asio::use_awaitable, error));
    if (error) throw Disconnected{error.message()};
    if (first != kTlsHandshake) {
      // Named: g++ 12 destroys such a temporary twice.
      const Message refusal =
          Refusal{0, "the master asks for TLS (replication.tls_ca, tls_cert and tls_key)"};
      co_await send(refusal);
      throw Disconnected{"it does not use TLS"};
    }
  }
  tls_ = std::make_unique<Tls>(
      socket_, tls.context(side == Side::master ? TlsSide::server : TlsSide::client));
  co_await tls_->stream.async_handshake(
      side == Side::master ? asio::ssl::stream_base::server : asio::ssl::stream_base::client,
      asio::redirect_error(asio::use_awaitable, error));
  if (error)
    throw Disconnected{
        "no TLS with the other side: " + error.message() +
        (side == Side::slave ? " (does the master use TLS, with this authority?)" : "")};
  const std::string name = common_name(tls_->stream.native_handle());
  if (name == tls.user()) co_return;
  const std::string why =
      "certificate is of '" + name + "', not of replication.user '" + tls.user() + "'";
  const Message refusal = Refusal{0, "its " + why};
  if (side == Side::master) co_await send(refusal);
  throw Disconnected{"its " + why};
}

asio::awaitable<void> Channel::send(std::string_view bytes) {
  asio::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  if (tls_ != nullptr)
    co_await asio::async_write(tls_->stream, asio::buffer(bytes), token);
  else
    co_await asio::async_write(socket_, asio::buffer(bytes), token);
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
  const auto room = asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  if (tls_ != nullptr)
    end_ += co_await tls_->stream.async_read_some(room, token);
  else
    end_ += co_await socket_.async_read_some(room, token);
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
    throw Disconnected{"the other side has closed the connection"};
  if (error) throw Disconnected{error.message()};
}

void Channel::close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace kimdb::replication
