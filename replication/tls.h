// What both ends of replication prove to each other: certificates of one authority, issued to the
// replication's user.
//
// Every node has a certificate whose common name is replication.user, and uses it as a master and
// as a slave. Thread-safe once made.
#pragma once

#include <asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/tls.h"

namespace kimdb::replication {

class TlsContext {
 public:
  // `user`: the common name that the other side's certificate must have.
  static Result<std::shared_ptr<TlsContext>> make(const TlsFiles& files, std::string user);

  asio::ssl::context& context(TlsSide side) { return side == TlsSide::server ? server_ : client_; }
  const std::string& user() const { return user_; }

 private:
  TlsContext(const TlsContextPointer& server, const TlsContextPointer& client, std::string user);

  asio::ssl::context server_, client_;
  const std::string user_;
};

}  // namespace kimdb::replication
