// TLS contexts of OpenSSL, made from PEM files: TLS 1.2 or later.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kimdb {

struct TlsFiles {
  std::string ca;    // who issues the other side's certificate; empty: nobody is asked for one
  std::string cert;  // one's own, with what is between it and its authority; empty: none
  std::string key;   // of `cert`
};

// What the files are called where they were named, for errors.
struct TlsNames {
  std::string_view ca, cert, key;
};

enum class TlsSide { server, client };

using TlsContextPointer = std::shared_ptr<SSL_CTX>;

// Where `ca` is named, the other side must have a certificate of it.
Result<TlsContextPointer> make_tls_context(const TlsFiles& files, TlsSide side,
                                           const TlsNames& names);

// What OpenSSL says of the error that this thread met last, and forgets it.
std::string take_tls_error();

}  // namespace kimdb
