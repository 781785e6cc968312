#include "database/password.h"

#include <sodium.h>

#include "base/check.h"

namespace kimdb::database {
namespace {

constexpr auto kOperations = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr auto kMemoryBytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;

// Chooses libsodium's fastest implementations; every function below calls it first.
void initialize() {
  static const int result = sodium_init();  // 0, or 1 where it was done before
  KIMDB_CHECK(result >= 0);
}

// Made once per process from random bytes, so that nothing verifies against it.
const std::string& dummy_hash() {
  static const std::string hash = [] {
    char secret[32];
    randombytes_buf(secret, sizeof secret);
    const Result<std::string> made = hash_password({secret, sizeof secret});
    return made ? *made : std::string();
  }();
  return hash;
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  initialize();
  if (password.empty()) return Error{ErrorCode::invalid_argument, "the password is empty"};
  if (password.size() > kPasswordBytesMax) {
    return Error{ErrorCode::too_large, "the password is longer than 4096 bytes"};
  }
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str(hash, password.data(), password.size(), kOperations, kMemoryBytes) != 0) {
    return Error{ErrorCode::unavailable, "not enough memory to hash a password (64 MiB)"};
  }
  return std::string(hash);
}

bool is_password_hash(std::string_view text) {
  initialize();
  if (!text.starts_with(crypto_pwhash_STRPREFIX) || text.size() >= crypto_pwhash_STRBYTES)
    return false;
  // -1: not a hash; 0 or 1: a hash, of these costs or others.
  return crypto_pwhash_str_needs_rehash(std::string(text).c_str(), kOperations, kMemoryBytes) >= 0;
}

bool verify_password(const std::string* hash, std::string_view password) {
  initialize();
  if (password.size() > kPasswordBytesMax) return false;  // says nothing about the user
  const std::string& against = hash != nullptr ? *hash : dummy_hash();
  const bool matches =
      crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
  return matches && hash != nullptr;
}

}  // namespace kimdb::database
