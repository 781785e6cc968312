// Any text as a token: refused, since nobody who does not know the key can make one, and as the
// claims of one that is signed.
#include "database/token.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "tests/support/jwt.h"

using kimdb::database::JwtAlgorithm;
using kimdb::database::JwtOptions;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kSecret = "a secret of more than thirty-two bytes";
  static const JwtOptions kOptions{.algorithm = JwtAlgorithm::hs256, .key = kSecret};
  const std::string text(reinterpret_cast<const char*>(data), size);
  constexpr std::int64_t kNow = 1'700'000'000'000;
  KIMDB_CHECK(!kimdb::database::verify_token({}, kOptions, text, kNow));
  KIMDB_CHECK(!kimdb::database::verify_token({}, kOptions, "eyJhbGciOiJIUzI1NiJ9." + text, kNow));
  const auto identity = kimdb::database::verify_token(
      {}, kOptions, kimdb::support::make_hs256_jwt(text, kSecret), kNow);
  if (!identity) return 0;
  KIMDB_CHECK(!identity->name.empty() && identity->expires_at_ms > kNow);
  KIMDB_CHECK(identity->name.find_first_of(" \n") == std::string::npos);
  return 0;
}
