// Certificates for tests, made by Debian's openssl: an authority, and whatever it issues.
#pragma once

#include <string>

#include "tests/support/temporary_directory.h"

namespace kimdb::support {

class Certificates {
 public:
  // A new authority.
  Certificates();

  std::string ca() const { return directory_.path() + "/ca.pem"; }
  // Issues a certificate with this common name, good for these hosts; its PEM file. Its key is in
  // key_of(that).
  std::string issue(const std::string& common_name,
                    const std::string& hosts = "IP:127.0.0.1,DNS:localhost");
  static std::string key_of(const std::string& certificate) { return certificate + ".key"; }

 private:
  TemporaryDirectory directory_;
};

}  // namespace kimdb::support
