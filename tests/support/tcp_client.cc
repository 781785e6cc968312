#include "tests/support/tcp_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kimdb::support {
namespace {

using std::chrono::steady_clock;

int milliseconds_until(steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

// False when the time ran out.
bool wait_for(int descriptor, short events, steady_clock::time_point deadline) {
  pollfd waiting{.fd = descriptor, .events = events, .revents = 0};
  while (true) {
    const int ready = poll(&waiting, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw TcpError(std::string("poll: ") + std::strerror(errno));
  }
}

template <class Words>
std::string encode(const Words& words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) {
    request += "$" + std::to_string(word.size()) + "\r\n";
    request += word;
    request += "\r\n";
  }
  return request;
}

}  // namespace

std::string resp_request(std::span<const std::string> words) { return encode(words); }
std::string resp_request(std::initializer_list<std::string_view> words) { return encode(words); }

TcpClient::TcpClient(std::uint16_t port, std::chrono::milliseconds timeout) : timeout_(timeout) {
  descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor_ < 0) throw TcpError(std::string("socket: ") + std::strerror(errno));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int error = 0;
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = errno;
    if (error == EINPROGRESS && wait_for(descriptor_, POLLOUT, deadline())) {
      socklen_t size = sizeof error;
      getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  if (error != 0) {
    close();
    throw TcpError("connect to 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(error));
  }
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

TcpClient::~TcpClient() { close(); }

TcpClient::TcpClient(TcpClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      timeout_(other.timeout_),
      received_(std::move(other.received_)),
      taken_(std::exchange(other.taken_, 0)) {}

TcpClient& TcpClient::operator=(TcpClient&& other) noexcept {
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  timeout_ = other.timeout_;
  received_ = std::move(other.received_);
  taken_ = std::exchange(other.taken_, 0);
  return *this;
}

void TcpClient::send(std::string_view bytes) {
  const auto end = deadline();
  while (!bytes.empty()) {
    bytes.remove_prefix(send_some(bytes));
    if (!bytes.empty() && !wait_for(descriptor_, POLLOUT, end)) {
      throw TcpError("the server does not take what is sent");
    }
  }
}

std::size_t TcpClient::send_some(std::string_view bytes) {
  const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  throw TcpError(std::string("send: ") + std::strerror(errno));
}

std::string TcpClient::receive_line() {
  const auto end = deadline();
  std::size_t searched = taken_;
  while (true) {
    const std::size_t found = received_.find('\n', searched);
    if (found != std::string::npos) {
      std::string line = take(found + 1 - taken_);
      line.pop_back();
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return line;
    }
    searched = received_.size();
    if (!receive_more(end)) throw TcpError("closed by the server while waiting for a line");
  }
}

std::string TcpClient::receive_exact(std::size_t size) {
  const auto end = deadline();
  while (received_.size() - taken_ < size) {
    if (!receive_more(end)) throw TcpError("closed by the server while waiting for bytes");
  }
  return take(size);
}

RespReply TcpClient::receive_reply() {
  const auto end = deadline();
  while (true) {
    RespReply reply;
    const std::size_t size = parse_reply(std::string_view(received_).substr(taken_), reply);
    if (size != 0) {
      take(size);
      return reply;
    }
    if (!receive_more(end)) throw TcpError("closed by the server while waiting for a reply");
  }
}

std::string TcpClient::receive_until_close() {
  const auto end = deadline();
  while (receive_more(end)) {
  }
  return take(received_.size() - taken_);
}

bool TcpClient::wait_for_close() {
  const auto end = deadline();
  try {
    while (receive_more(end)) {
      received_.clear();
      taken_ = 0;
    }
    return true;
  } catch (const TcpError&) {
    return false;
  }
}

std::string TcpClient::receive_available() {
  while (wait_for(descriptor_, POLLIN, steady_clock::now()) && receive_more(deadline())) {
  }
  return take(received_.size() - taken_);
}

std::string TcpClient::ask(std::string_view line) {
  send(std::string(line) + "\n");
  return receive_line();
}

RespReply TcpClient::call(std::initializer_list<std::string_view> words) {
  send(resp_request(words));
  return receive_reply();
}

RespReply TcpClient::call(std::span<const std::string> words) {
  send(resp_request(words));
  return receive_reply();
}

void TcpClient::shutdown_sending() { ::shutdown(descriptor_, SHUT_WR); }

void TcpClient::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void TcpClient::shrink_receive_buffer() {
  const int bytes = 4096;
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool TcpClient::receive_more(steady_clock::time_point deadline) {
  char buffer[65536];
  while (true) {
    const ssize_t size = recv(descriptor_, buffer, sizeof buffer, 0);
    if (size > 0) {
      received_.append(buffer, static_cast<std::size_t>(size));
      return true;
    }
    // A server that closes while bytes of ours are unread answers with a reset: it is gone, too.
    if (size == 0 || errno == ECONNRESET) return false;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw TcpError(std::string("recv: ") + std::strerror(errno));
    if (!wait_for(descriptor_, POLLIN, deadline)) {
      throw TcpError("no answer in time; received so far: \"" + received_.substr(taken_, 200) +
                     "\"");
    }
  }
}

steady_clock::time_point TcpClient::deadline() const { return steady_clock::now() + timeout_; }

std::string TcpClient::take(std::size_t size) {
  std::string bytes = received_.substr(taken_, size);
  taken_ += size;
  // Dropped only when all is read or much has gathered: a pipeline's replies are not moved for each
  // line.
  if (taken_ == received_.size() || taken_ > (1 << 20)) {
    received_.erase(0, taken_);
    taken_ = 0;
  }
  return bytes;
}

}  // namespace kimdb::support
