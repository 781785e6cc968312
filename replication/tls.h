// What both ends of replication prove to each other: TLS 1.2 or later with certificates of one
// authority, issued to the replication's user.
//
// Every node has a certificate whose common name is replication.user, and uses it as a master and
// as a slave. Thread-safe once made.
#pragma once

#include <asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/result.h"

namespace kimdb::replication {

struct TlsOptions {
  std::string ca;    // path of a PEM file: who issues the certificates
  std::string cert;  // of the node's own, with what is between it and the authority
  std::string key;
  std::string user;  // the common name that the other side's certificate must have
};

class TlsContext {
 public:
  // An error names the key of the configuration and the file.
  static Result<std::shared_ptr<TlsContext>> make(const TlsOptions& options);

  asio::ssl::context& context() { return context_; }
  const std::string& user() const { return user_; }

 private:
  explicit TlsContext(std::string user)
      : context_(asio::ssl::context::tls), user_(std::move(user)) {}

  asio::ssl::context context_;
  const std::string user_;
};

}  // namespace kimdb::replication
