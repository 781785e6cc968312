#include "base/tls.h"

#include <openssl/err.h>

namespace kimdb {

std::string take_tls_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
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
  if (files.cert.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(raw, files.cert.c_str()) != 1)
    return failed(names.cert, files.cert);
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1)
    return failed(names.key, files.key);
  return context;
}

}  // namespace kimdb
