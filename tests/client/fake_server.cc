#include "tests/client/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <stdexcept>
#include <utility>

#include "tests/support/resp_reply.h"
#include "tests/support/tcp_client.h"

namespace kimdb::client {
namespace {

constexpr int kTimeoutMs = 10'000;

void wait_readable(int descriptor, const char* what) {
  pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, kTimeoutMs) != 1) {
    throw std::runtime_error(std::string("the client did not ") + what);
  }
}

}  // namespace

void FakeConnection::expect(std::initializer_list<std::string_view> words) {
  const std::string expected = support::resp_request(words);
  const std::string received = take(expected.size());
  if (received != expected) {
    throw std::runtime_error("expected " + support::readable(expected) + ", received " +
                             support::readable(received));
  }
}

void FakeConnection::receive(std::size_t size) { take(size); }

std::string FakeConnection::take(std::size_t size) {
  std::string received(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    wait_readable(descriptor_, "send");
    const ssize_t count = ::recv(descriptor_, received.data() + filled, size - filled, 0);
    if (count <= 0) throw std::runtime_error("the client closed");
    filled += static_cast<std::size_t>(count);
  }
  return received;
}

void FakeConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) throw std::runtime_error("the client is gone");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void FakeConnection::send_byte_by_byte(std::string_view bytes) {
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  for (const char& byte : bytes) send({&byte, 1});
}

void FakeConnection::shake_hands(std::initializer_list<std::string_view> hello) {
  expect(hello);
  send(
      "%4\r\n$6\r\nserver\r\n$5\r\nkimdb\r\n$7\r\nversion\r\n$5\r\n0.1.0\r\n"
      "$2\r\nid\r\n:7\r\n$4\r\nrole\r\n$6\r\nmaster\r\n");
}

void FakeConnection::expect_close() {
  wait_readable(descriptor_, "close");
  char byte;
  if (::recv(descriptor_, &byte, 1, 0) > 0) throw std::runtime_error("the client sent more");
}

void FakeConnection::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void FakeConnection::reset() {
  const linger abort{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  close();
}

int FakeServer::Listener::accept() {
  wait_readable(descriptor_, "connect");
  return ::accept(descriptor_, nullptr, nullptr);
}

FakeServer::FakeServer(std::function<void(Listener&)> script)
    : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(descriptor_, 8) != 0 ||
      ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, script = std::move(script)] {
    try {
      Listener listener(descriptor_);
      script(listener);
    } catch (const std::exception& exception) {
      failure_ = exception.what();
    }
  });
}

FakeServer::~FakeServer() {
  if (thread_.joinable()) thread_.join();
  ::close(descriptor_);
}

std::string FakeServer::failure() {
  if (thread_.joinable()) thread_.join();
  return failure_;
}

}  // namespace kimdb::client
