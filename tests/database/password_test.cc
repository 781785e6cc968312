#include "database/password.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace kimdb::database {
namespace {

TEST_CASE("a password verifies against its own hash and no other") {
  const auto hash = hash_password("correct horse");
  REQUIRE(hash);
  CHECK(verify_password(&*hash, "correct horse"));
  CHECK_FALSE(verify_password(&*hash, "correct horsf"));
  CHECK_FALSE(verify_password(&*hash, ""));
  CHECK_FALSE(verify_password(&*hash, std::string_view("correct horse\0", 14)));
}

TEST_CASE("two hashes of one password differ and hold only what a configuration may hold") {
  const auto first = hash_password("secret");
  const auto second = hash_password("secret");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first != *second);
  CHECK(first->starts_with("$argon2id$v=19$m=65536,t=2,p=1$"));
  CHECK(is_password_hash(*first));
  CHECK(first->find_first_of(" \"\n#") == std::string::npos);
}

TEST_CASE("bytes of any kind are a password, an empty or endless one is not") {
  const std::string bytes("\0\xff\n", 3);
  const auto hash = hash_password(bytes);
  REQUIRE(hash);
  CHECK(verify_password(&*hash, bytes));
  CHECK_FALSE(verify_password(&*hash, std::string_view("\0\xff", 2)));
  CHECK(hash_password("").error().code == ErrorCode::invalid_argument);
  CHECK(hash_password(std::string(kPasswordBytesMax + 1, 'x')).error().code ==
        ErrorCode::too_large);
}

TEST_CASE("what is no argon2id hash is told apart") {
  for (const std::string& text :
       {std::string(), std::string("secret"), std::string("$argon2id$"),
        std::string("$argon2i$v=19$m=65536,t=2,p=1$YWJj$YWJj"),
        std::string("$2b$12$C6UzMDM.H6dfI/f/IKcEeO"), "$argon2id$" + std::string(500, 'x')}) {
    CAPTURE(text);
    CHECK_FALSE(is_password_hash(text));
    CHECK_FALSE(verify_password(&text, "secret"));
  }
}

TEST_CASE("nobody has the password of a user that does not exist") {
  CHECK_FALSE(verify_password(nullptr, ""));
  CHECK_FALSE(verify_password(nullptr, "secret"));
}

// The fastest of some runs: what the machine does besides only ever adds.
std::chrono::nanoseconds time_of(const std::string* hash) {
  auto fastest = std::chrono::nanoseconds::max();
  for (int i = 0; i < 7; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    static_cast<void>(verify_password(hash, "wrong"));
    fastest = std::min<std::chrono::nanoseconds>(fastest, std::chrono::steady_clock::now() - begin);
  }
  return fastest;
}

TEST_CASE("a wrong password takes as long for an unknown user as for a known one") {
  const auto hash = hash_password("right");
  REQUIRE(hash);
  static_cast<void>(verify_password(nullptr, "first"));  // makes the hash to check against
  const double ratio =
      static_cast<double>(time_of(nullptr).count()) / static_cast<double>(time_of(&*hash).count());
  // Without a hash to check against it would be a hundred thousandth; other processes on the
  // machine blur the rest.
  CHECK(ratio > 0.5);
  CHECK(ratio < 2.0);
}

}  // namespace
}  // namespace kimdb::database
