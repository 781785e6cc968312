#include "base/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace kimdb {
namespace {

int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool waits() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count =
      ::send(descriptor_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && waits()) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

int read_socket(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::recv(descriptor_of(bio), out, static_cast<std::size_t>(size), 0);
  if (count < 0 && waits()) BIO_set_retry_read(bio);
  return static_cast<int>(count);
}

long control_socket(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

// OpenSSL's own one writes with write(), which signals SIGPIPE.
BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

}  // namespace

void set_tls_socket(SSL* connection, int descriptor) {
  BIO* const bio = BIO_new(socket_method());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  SSL_set_bio(connection, bio, bio);
}

std::string take_tls_error() {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  if (error != 0 && ERR_SYSTEM_ERROR(error)) return std::strerror(ERR_GET_REASON(error));
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

Result<TlsContextPointer> make_tls_context(const TlsFiles& files, TlsSide side,
                                           const TlsNames& names) {
  const auto failed = [](std::string_view name, const std::string& path) {
    return Error{ErrorCode::invalid_argument, path + ": " + take_tls_error()}.in(name);
  };
  ERR_clear_error();
  TlsContextPointer context(
      SSL_CTX_new(side == TlsSide::server ? TLS_server_method() : TLS_client_method()),
      SSL_CTX_free);
  if (context == nullptr) return failed("TLS", "no context");
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // What is written anew after waiting may have moved, and part of it may go.
  SSL_CTX_set_mode(raw, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_RELEASE_BUFFERS);
  if (!files.ca.empty()) {
    if (SSL_CTX_load_verify_file(raw, files.ca.c_str()) != 1) return failed(names.ca, files.ca);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  if (files.ca.empty() && side == TlsSide::client) {
    SSL_CTX_set_default_verify_paths(raw);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  }
  if (files.cert.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(raw, files.cert.c_str()) != 1)
    return failed(names.cert, files.cert);
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1)
    return failed(names.key, files.key);
  return context;
}

}  // namespace kimdb
