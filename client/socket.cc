#include "client/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace kimdb::client {
namespace {

constexpr std::size_t kReceiveBytes = 64 << 10;
constexpr std::size_t kDecryptedBytes = 1 << 20;

// What poll takes: -1 waits without end. Rounded up, so that a wait never ends just before its
// time.
int milliseconds_until(std::optional<TimePoint> deadline) {
  if (!deadline) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30));
}

Error system_error(ErrorCode code, const std::string& what, int number) {
  return {code, what + ": " + std::strerror(number)};
}

Error connect_error(const Address& address, const std::string& why) {
  return {ErrorCode::unavailable, "cannot connect to " + to_string(address) + ": " + why};
}

Result<Socket> cannot_wait(const Address& address, Waited waited) {
  return connect_error(address, waited == Waited::cancelled ? "cancelled" : "timed out");
}

}  // namespace

std::optional<TimePoint> deadline_after(std::chrono::milliseconds timeout) {
  if (timeout.count() == 0) return std::nullopt;
  return std::chrono::steady_clock::now() + timeout;
}

Waited wait_for(int descriptor, short events, std::optional<TimePoint> deadline,
                int cancel_descriptor) {
  while (true) {
    pollfd waiting[] = {{.fd = descriptor, .events = events, .revents = 0},
                        {.fd = cancel_descriptor, .events = POLLIN, .revents = 0}};
    const int ready = poll(waiting, 2, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return Waited::timed_out;
    if (waiting[1].revents != 0) return Waited::cancelled;
    // An error of poll itself (no memory) is left to the call that follows to meet and name.
    return Waited::ready;
  }
}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    tls_ = std::move(other.tls_);
  }
  return *this;
}

void Socket::close() {
  tls_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

Result<Socket> Socket::connect(const Address& address, std::optional<TimePoint> deadline,
                               int cancel_descriptor) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // ":3223" means every interface to a listener; for a client that is this machine.
  const std::string host = address.host.empty() ? "127.0.0.1" : address.host;
  const int lookup =
      getaddrinfo(host.c_str(), std::to_string(address.port).c_str(), &wanted, &found);
  if (lookup != 0) return connect_error(address, gai_strerror(lookup));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);

  int last_errno = 0;
  for (const addrinfo* candidate = found; candidate != nullptr; candidate = candidate->ai_next) {
    Socket socket(::socket(candidate->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
      last_errno = errno;
      continue;
    }
    if (::connect(socket.descriptor_, candidate->ai_addr, candidate->ai_addrlen) != 0) {
      if (errno != EINPROGRESS) {
        last_errno = errno;
        continue;
      }
      const Waited waited = wait_for(socket.descriptor_, POLLOUT, deadline, cancel_descriptor);
      if (waited != Waited::ready) return cannot_wait(address, waited);
      socklen_t size = sizeof last_errno;
      getsockopt(socket.descriptor_, SOL_SOCKET, SO_ERROR, &last_errno, &size);
      if (last_errno != 0) continue;
    }
    const int on = 1;
    setsockopt(socket.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket.descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return socket;
  }
  return connect_error(address, std::strerror(last_errno));
}

Status Socket::encrypt(const TlsContextPointer& context, const std::string& host,
                       std::optional<TimePoint> deadline, int cancel_descriptor) {
  tls_.reset(SSL_new(context.get()));
  set_tls_socket(tls_.get(), descriptor_);
  // A name, or else the text of an IP address, as the certificate has it.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str()) != 1) {
    SSL_set1_host(tls_.get(), host.c_str());
    SSL_set_tlsext_host_name(tls_.get(), host.c_str());
  }
  ERR_clear_error();
  for (;;) {
    const int result = SSL_connect(tls_.get());
    if (result == 1) return {};
    const int error = SSL_get_error(tls_.get(), result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const long verified = SSL_get_verify_result(tls_.get());
      const std::string why = verified != X509_V_OK        ? X509_verify_cert_error_string(verified)
                              : error == SSL_ERROR_SYSCALL ? "the server closed the connection"
                                                           : take_tls_error();
      return Error{ErrorCode::unavailable, "no TLS with the server: " + why};
    }
    const Waited waited = wait_for(descriptor_, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
                                   deadline, cancel_descriptor);
    if (waited != Waited::ready)
      return Error{ErrorCode::unavailable, waited == Waited::cancelled
                                               ? "no TLS with the server: cancelled"
                                               : "no TLS with the server: timed out"};
  }
}

Result<std::size_t> Socket::send_some(std::string_view bytes) {
  std::size_t sent = 0;
  while (tls_ != nullptr && sent < bytes.size()) {
    ERR_clear_error();
    const std::size_t size = std::min<std::size_t>(bytes.size() - sent, 1 << 30);
    const int taken = SSL_write(tls_.get(), bytes.data() + sent, static_cast<int>(size));
    if (taken > 0) {
      sent += static_cast<std::size_t>(taken);
      continue;
    }
    const int error = SSL_get_error(tls_.get(), taken);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE || sent > 0) return sent;
    return Error{ErrorCode::io_error, "sending failed: " + take_tls_error()};
  }
  while (sent < bytes.size()) {
    const ssize_t taken =
        ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (taken >= 0) {
      sent += static_cast<std::size_t>(taken);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      // What the kernel took before is the caller's to know: it may have reached the server.
      if (sent > 0) break;
      return system_error(ErrorCode::io_error, "sending failed", errno);
    }
  }
  return sent;
}

// All that is there: what is left in the TLS library no poll would tell of.
Result<std::size_t> Socket::receive_decrypted(std::string& buffer) {
  const std::size_t begin = buffer.size();
  for (;;) {
    const std::size_t size = buffer.size();
    buffer.resize(size + kReceiveBytes);
    ERR_clear_error();
    const int received = SSL_read(tls_.get(), buffer.data() + size, kReceiveBytes);
    buffer.resize(size + static_cast<std::size_t>(std::max(received, 0)));
    if (received > 0) {
      // A record at a time: some of them are worth a look at what they say.
      if (buffer.size() - begin >= kDecryptedBytes && SSL_pending(tls_.get()) == 0)
        return buffer.size() - begin;
      continue;
    }
    const int error = SSL_get_error(tls_.get(), received);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE || size != begin)
      return buffer.size() - begin;
    if (error == SSL_ERROR_SSL)
      return Error{ErrorCode::unavailable, "receiving failed: " + take_tls_error()};
    return Error{ErrorCode::unavailable, "the server closed the connection"};
  }
}

Result<std::size_t> Socket::receive_some(std::string& buffer) {
  if (tls_ != nullptr) return receive_decrypted(buffer);
  const std::size_t size = buffer.size();
  buffer.resize(size + kReceiveBytes);
  ssize_t received;
  do {
    received = ::recv(descriptor_, buffer.data() + size, kReceiveBytes, 0);
  } while (received < 0 && errno == EINTR);
  const int number = errno;
  buffer.resize(size + static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
  if (received > 0) return static_cast<std::size_t>(received);
  if (received == 0) return Error{ErrorCode::unavailable, "the server closed the connection"};
  if (number == EAGAIN || number == EWOULDBLOCK) return std::size_t{0};
  return system_error(ErrorCode::io_error, "receiving failed", number);
}

}  // namespace kimdb::client
