#include "server/tls_connection.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace kimdb::server {

TlsConnection::TlsConnection(const TlsContextPointer& context, int descriptor)
    : ssl_(SSL_new(context.get()), SSL_free) {
  set_tls_socket(ssl_.get(), descriptor);
  SSL_set_accept_state(ssl_.get());
}

ssize_t TlsConnection::read(char* out, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  read_waits_to_write_ = write_waits_to_read_ = false;
  const int count =
      SSL_read(ssl_.get(), out,
               static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max())));
  if (count <= 0 && SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN) return 0;
  return count > 0 ? count : failed(count, read_waits_to_write_, SSL_ERROR_WANT_WRITE);
}

ssize_t TlsConnection::write(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  write_waits_to_read_ = false;
  const int count = SSL_write(
      ssl_.get(), bytes.data(),
      static_cast<int>(std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max())));
  return count > 0 ? count : failed(count, write_waits_to_read_, SSL_ERROR_WANT_READ);
}

ssize_t TlsConnection::failed(int result, bool& waits_for_other, int other) {
  const int number = errno;
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    waits_for_other = error == other;
    errno = EAGAIN;
    return -1;
  }
  // Of a write: the client has said goodbye, and is gone.
  if (error == SSL_ERROR_ZERO_RETURN)
    why_ = "the connection broke";
  else if (error == SSL_ERROR_SYSCALL)
    why_ = number == 0 ? "closed without a goodbye of TLS" : std::strerror(number);
  else
    why_ = "TLS: " + take_tls_error();
  errno = EPROTO;
  return -1;
}

void TlsConnection::end() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) && why_.empty()) SSL_shutdown(ssl_.get());
}

unsigned char first_byte(int descriptor) {
  unsigned char first = 0;
  return ::recv(descriptor, &first, 1, MSG_PEEK) == 1 ? first : 0;
}

}  // namespace kimdb::server
