// Password hashes: argon2id through libsodium, and checking a login in the same time whether its
// user exists or not.
//
// Hashing takes about 50 ms and 64 MiB by design: call it on the worker pool, never on an I/O
// thread. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kimdb::database {

// "$argon2id$v=19$m=65536,t=2,p=1$<salt>$<hash>", with a new random salt. invalid_argument for an
// empty password, too_large over kPasswordBytesMax, unavailable where there is no memory for it.
constexpr std::size_t kPasswordBytesMax = 4096;
Result<std::string> hash_password(std::string_view password);

// Whether the text is such a hash, with costs that this build would verify.
bool is_password_hash(std::string_view text);

// Whether `password` is the one that `hash` was made from. A null `hash` stands for a user that
// does not exist: it takes the time of a check against a hash of hash_password's costs, and is
// false.
bool verify_password(const std::string* hash, std::string_view password);

}  // namespace kimdb::database
