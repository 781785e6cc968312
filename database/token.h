// What logs in without a password: API keys, which are random and stand in the configuration as
// their SHA-256, and JSON Web Tokens (RFC 7519) that somebody else has issued, through libjwt.
//
// Pure but for make_api_key; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "database/rights.h"

namespace kimdb::database {

// "kimdb_" and 256 random bits in base64url.
std::string make_api_key(Random& random);
// "sha256:" and 64 hexadecimal digits. A key is too random to be guessed: nothing slower is needed.
std::string hash_api_key(std::string_view key);
bool is_api_key_hash(std::string_view text);

enum class JwtAlgorithm : std::uint8_t { rs256, hs256 };

struct JwtOptions {
  JwtAlgorithm algorithm = JwtAlgorithm::rs256;
  std::string key;       // a public key in PEM, or the shared secret; empty: tokens are refused
  std::string issuer;    // empty: any
  std::string audience;  // empty: anything
};

// The key as it stands in its file. invalid_argument where it does not fit the algorithm, or is too
// weak for it: RSA of less than 2048 bits, a secret of less than 32 bytes.
Result<std::string> check_jwt_key(JwtAlgorithm algorithm, std::string_view file);

// Whether a word that came in the place of a password is a token by its form.
bool is_token(std::string_view text);

// Whose token it is. Of a JWT: its claims sub (the name), role (readonly where there is none),
// collections ({"users": "read", "logs-*": "write"}, all where there is none) and exp, which it
// must have. Clocks may differ by 30 seconds. permission_denied, with what is wrong.
Result<Identity> verify_token(const std::vector<Account>& api_keys, const JwtOptions& jwt,
                              std::string_view token, std::int64_t now_ms);

}  // namespace kimdb::database
