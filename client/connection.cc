#include "client/connection.h"

#include <poll.h>

#include <utility>

namespace kimdb::client {

using protocol::ReplyReader;
using protocol::Value;

Status Connection::open(const Address& address, const Patience& patience) {
  close();
  auto socket = Socket::connect(address, patience.deadline, patience.cancel_descriptor);
  if (!socket) return std::move(socket).error();
  if (tls_ != nullptr)
    KIMDB_RETURN_IF_ERROR(socket->encrypt(tls_, address.host.empty() ? "127.0.0.1" : address.host,
                                          patience.deadline, patience.cancel_descriptor));
  socket_ = std::move(*socket);
  return {};
}

void Connection::close() {
  socket_.close();
  received_.clear();
  taken_ = 0;
  exhausted_ = true;
  elements_.clear();
  reader_.reset();
}

Result<std::optional<Value>> Connection::poll_value() {
  if (!exhausted_) {
    auto value = take_value();
    if (!value || value->has_value()) return value;
  }
  // Everything taken: the buffer starts anew, so that it does not grow with the connection's age.
  received_.erase(0, taken_);
  taken_ = 0;
  auto received = socket_.receive_some(received_);
  if (!received) return std::move(received).error();
  if (*received == 0) return std::optional<Value>();
  exhausted_ = false;
  return take_value();
}

Result<std::optional<Value>> Connection::wait_value(const Patience& patience) {
  while (true) {
    auto value = poll_value();
    if (!value || value->has_value()) return value;
    if (wait(false, patience) != Waited::ready) return std::optional<Value>();
  }
}

Waited Connection::wait(bool to_send, const Patience& patience) {
  const short events = to_send ? POLLIN | POLLOUT : POLLIN;
  return wait_for(socket_.descriptor(), events, patience.deadline, patience.cancel_descriptor);
}

Result<std::optional<Value>> Connection::take_value() {
  Value value;
  auto parsed = reader_.next(std::string_view(received_).substr(taken_), value);
  taken_ += parsed.consumed;
  while (parsed.outcome == ReplyReader::Outcome::element) {
    elements_.push_back(std::move(value));
    parsed = reader_.next(std::string_view(received_).substr(taken_), value);
    taken_ += parsed.consumed;
  }
  switch (parsed.outcome) {
    case ReplyReader::Outcome::value:
      return std::optional<Value>(std::move(value));
    case ReplyReader::Outcome::incomplete:
      exhausted_ = true;
      return std::optional<Value>();
    case ReplyReader::Outcome::element:
    case ReplyReader::Outcome::error:
      break;
  }
  return Error{ErrorCode::unsupported,
               "what the server sends is no RESP: " + std::string(parsed.error)};
}

}  // namespace kimdb::client
