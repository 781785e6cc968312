#include "replication/tls.h"

#include <utility>

namespace kimdb::replication {

namespace ssl = asio::ssl;

Result<std::shared_ptr<TlsContext>> TlsContext::make(const TlsOptions& options) {
  std::shared_ptr<TlsContext> tls(new TlsContext(options.user));
  ssl::context& context = tls->context_;
  asio::error_code error;
  const auto failed = [&](const char* key, const std::string& path) {
    return Error{ErrorCode::invalid_argument,
                 std::string("replication.") + key + ": " + path + ": " + error.message()};
  };
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                      ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  context.load_verify_file(options.ca, error);
  if (error) return failed("tls_ca", options.ca);
  context.use_certificate_chain_file(options.cert, error);
  if (error) return failed("tls_cert", options.cert);
  context.use_private_key_file(options.key, ssl::context::pem, error);
  if (error) return failed("tls_key", options.key);
  if (SSL_CTX_check_private_key(context.native_handle()) != 1)
    return Error{ErrorCode::invalid_argument,
                 "replication.tls_key: " + options.key + " is not the key of " + options.cert};
  return tls;
}

}  // namespace kimdb::replication
