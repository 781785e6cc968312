#include "replication/tls.h"

namespace kimdb::replication {
namespace {

constexpr TlsNames kNames{"replication.tls_ca", "replication.tls_cert", "replication.tls_key"};

// Asio frees its own reference.
SSL_CTX* share(const TlsContextPointer& context) {
  SSL_CTX_up_ref(context.get());
  return context.get();
}

}  // namespace

TlsContext::TlsContext(const TlsContextPointer& server, const TlsContextPointer& client,
                       std::string user)
    : server_(share(server)), client_(share(client)), user_(std::move(user)) {}

Result<std::shared_ptr<TlsContext>> TlsContext::make(const TlsFiles& files, std::string user) {
  const auto server = make_tls_context(files, TlsSide::server, kNames);
  if (!server) return server.error();
  const auto client = make_tls_context(files, TlsSide::client, kNames);
  if (!client) return client.error();
  return std::shared_ptr<TlsContext>(new TlsContext(*server, *client, std::move(user)));
}

}  // namespace kimdb::replication
