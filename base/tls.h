// TLS contexts of OpenSSL, made from PEM files: TLS 1.2 or later.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kimdb {

struct TlsFiles {
  // Who issues the other side's certificate; empty: a server asks for none, a client trusts whom
  // the system trusts.
  std::string ca;
  std::string cert;  // one's own, with what is between it and its authority; empty: none
  std::string key;   // of `cert`
};

// What the files are called where they were named, for errors.
struct TlsNames {
  std::string_view ca, cert, key;
};

enum class TlsSide { server, client };

using TlsContextPointer = std::shared_ptr<SSL_CTX>;

Result<TlsContextPointer> make_tls_context(const TlsFiles& files, TlsSide side,
                                           const TlsNames& names);

// Lets the connection read and write this non-blocking socket, whose owner stays who it is; never
// signals.
void set_tls_socket(SSL* connection, int descriptor);

// What OpenSSL says of the error that this thread has met, and forgets it.
std::string take_tls_error();

}  // namespace kimdb
