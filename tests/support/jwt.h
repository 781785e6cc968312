// JSON Web Tokens as an issuer makes them, by OpenSSL alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace kimdb::support {

// Signed by a shared secret. The header says HS256.
std::string make_hs256_jwt(std::string_view claims, std::string_view secret);
// As it is: any header, any signature.
std::string make_jwt(std::string_view header, std::string_view claims, std::string_view signature);
// The same, signed with HMAC-SHA-256.
std::string make_hmac_jwt(std::string_view header, std::string_view claims,
                          std::string_view secret);

class RsaKey {
 public:
  explicit RsaKey(unsigned bits = 2048);  // a new one
  std::string public_pem() const;
  std::string make_jwt(std::string_view claims) const;  // RS256

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace kimdb::support
