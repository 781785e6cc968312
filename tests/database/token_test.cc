#include "database/token.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/jwt.h"

namespace kimdb::database {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
const std::string kSecret = "a secret of more than thirty-two bytes";

JwtOptions hs256() { return {.algorithm = JwtAlgorithm::hs256, .key = kSecret}; }

std::string claims_with(const std::string& more) {
  return R"({"sub":"kim","exp":1700000600)" + more + "}";
}

Result<Identity> verify(const std::string& claims, const JwtOptions& options = hs256(),
                        std::int64_t now_ms = kNow) {
  return verify_token({}, options, support::make_hs256_jwt(claims, kSecret), now_ms);
}

std::string refusal(const std::string& claims, const JwtOptions& options = hs256(),
                    std::int64_t now_ms = kNow) {
  const auto identity = verify(claims, options, now_ms);
  return identity ? "none" : identity.error().message;
}

TEST_CASE("an API key is its own, and its hash finds it") {
  SystemRandom random;
  const std::string key = make_api_key(random);
  CHECK(key.size() == 6 + 43);
  CHECK(key.starts_with("kimdb_"));
  CHECK(key.find_first_of("+/=") == std::string::npos);
  CHECK(is_token(key));
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.insert(make_api_key(random));
  CHECK(keys.size() == 100);
  // sha256sum
  CHECK(hash_api_key("kimdb_x") ==
        "sha256:df42bed19aef86235a30116c832bbd0ac1240f11dc84652bc6a4f93ccca8f3bd");
  CHECK(is_api_key_hash(hash_api_key(key)));
  for (const std::string& wrong : {std::string("sha256:"), std::string("kimdb_x"), key,
                                   hash_api_key(key) + "0", "sha256:" + std::string(64, 'g')})
    CHECK_FALSE(is_api_key_hash(wrong));

  const std::vector<Account> accounts = {
      {"other", hash_api_key(make_api_key(random)), {Role::admin, {}}},
      {"shop", hash_api_key(key), {Role::readwrite, {{{"users", Access::read}}}}}};
  const auto identity = verify_token(accounts, {}, key, kNow);
  REQUIRE(identity);
  CHECK(*identity == Identity{"shop", accounts[1].rights, 0});
  CHECK_FALSE(verify_token(accounts, {}, key + "x", kNow));
  CHECK_FALSE(verify_token(accounts, {}, make_api_key(random), kNow));
}

TEST_CASE("the token of RFC 7515, appendix A.1, has a right signature, and names nobody") {
  const std::string key_base64url =
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
  std::string key;
  for (unsigned bits = 0, count = 0; const char c : key_base64url) {
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    bits = bits << 6 | static_cast<unsigned>(digits.find(c));
    if ((count += 6) < 8) continue;
    count -= 8;
    key += static_cast<char>(bits >> count);
  }
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
      "lfQ"
      ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const JwtOptions options{.algorithm = JwtAlgorithm::hs256, .key = key};
  CHECK(verify_token({}, options, token, 1'300'819'000'000).error().message ==
        "the token names nobody (sub)");
  CHECK(verify_token({}, options, token, kNow).error().message == "the token has expired");
  std::string forged = token;
  forged[60] = forged[60] == 'A' ? 'B' : 'A';
  CHECK(verify_token({}, options, forged, 1'300'819'000'000).error().message ==
        "the token is not signed by auth.jwt_key");
}

TEST_CASE("a JWT says who, what and until when") {
  const auto plain = verify(claims_with(""));
  REQUIRE(plain);
  CHECK(*plain == Identity{"kim", {Role::readonly, {}}, 1'700'000'630'000});
  const auto full = verify(claims_with(
      R"(,"role":"readwrite","collections":{"users":"read","logs-*":"write"},"nbf":1700000000.5)"));
  REQUIRE(full);
  CHECK(full->rights.role == Role::readwrite);
  CHECK(full->rights.access_to("users") == Access::read);
  CHECK(full->rights.access_to("logs-7") == Access::write);
  CHECK(full->rights.access_to("orders") == Access::none);
  // A name is shown among others, separated by spaces.
  CHECK(verify(R"({"sub":"auth0|kim lee\n","exp":1700000600})")->name == "auth0|kim_lee_");
  CHECK(verify(R"({"sub":"kim","exp":1e300})")->expires_at_ms > kNow);
}

TEST_CASE("a JWT that does not hold is refused with what is wrong") {
  CHECK(refusal(R"({"sub":"kim"})") == "the token has no time of expiry (exp)");
  CHECK(refusal(R"({"sub":"kim","exp":"soon"})") == "the token has no time of expiry (exp)");
  CHECK(refusal(R"({"exp":1700000600})") == "the token names nobody (sub)");
  CHECK(refusal(R"({"sub":"","exp":1700000600})") == "the token names nobody (sub)");
  CHECK(refusal(R"({"sub":7,"exp":1700000600})") == "the token names nobody (sub)");
  CHECK(refusal(claims_with(R"(,"role":"root")")).find("role") != std::string::npos);
  CHECK(refusal(claims_with(R"(,"role":["admin"])")).find("role") != std::string::npos);
  CHECK(refusal(claims_with(R"(,"collections":["users"])")).find("no object") != std::string::npos);
  CHECK(refusal(claims_with(R"(,"collections":{"users":"rw"})")).find("access") !=
        std::string::npos);
  CHECK(refusal(claims_with(R"(,"role":"admin","collections":{})")).find("admin") !=
        std::string::npos);
  // Clocks may differ by 30 seconds.
  CHECK(refusal(claims_with(""), hs256(), 1'700'000'629'999) == "none");
  CHECK(refusal(claims_with(""), hs256(), 1'700'000'630'000) == "the token has expired");
  CHECK(refusal(claims_with(R"(,"nbf":1700000030)")) == "none");
  CHECK(refusal(claims_with(R"(,"nbf":1700000031)")) == "the token is not valid yet (nbf)");
  CHECK(refusal(claims_with(R"(,"nbf":"now")")) == "the token is not valid yet (nbf)");

  JwtOptions strict = hs256();
  strict.issuer = "https://login.example.com/";
  strict.audience = "kimdb";
  const std::string issued = R"(,"iss":"https://login.example.com/")";
  CHECK(refusal(claims_with(""), strict) == "the token is not of auth.jwt_issuer");
  CHECK(refusal(claims_with(R"(,"iss":"x","aud":"kimdb")"), strict) ==
        "the token is not of auth.jwt_issuer");
  CHECK(refusal(claims_with(issued), strict) == "the token is not for auth.jwt_audience");
  CHECK(refusal(claims_with(issued + R"(,"aud":["a","b"])"), strict) ==
        "the token is not for auth.jwt_audience");
  CHECK(refusal(claims_with(issued + R"(,"aud":["a","kimdb"])"), strict) == "none");
  CHECK(refusal(claims_with(issued + R"(,"aud":"kimdb")"), strict) == "none");
}

TEST_CASE("the one algorithm counts, and no other that a token names") {
  const support::RsaKey rsa;
  const support::RsaKey stranger;
  const JwtOptions rs256{.algorithm = JwtAlgorithm::rs256, .key = rsa.public_pem()};
  const std::string claims = claims_with("");
  CHECK(verify_token({}, rs256, rsa.make_jwt(claims), kNow)->name == "kim");
  const auto refused = [&](const JwtOptions& options, const std::string& token) {
    const auto identity = verify_token({}, options, token, kNow);
    return !identity && identity.error().message == "the token is not signed by auth.jwt_key";
  };
  CHECK(refused(rs256, stranger.make_jwt(claims)));
  CHECK(refused(rs256, support::make_jwt(R"({"alg":"none"})", claims, "")));
  CHECK(refused(hs256(), support::make_jwt(R"({"alg":"none"})", claims, "")));
  CHECK(refused(hs256(), support::make_jwt(R"({"alg":"HS256"})", claims, "")));
  // The public key taken for a shared secret.
  CHECK(refused(rs256, support::make_hs256_jwt(claims, rs256.key)));
  CHECK(refused(hs256(), support::make_hs256_jwt(claims, kSecret + "x")));
  CHECK(refused(hs256(), support::make_hmac_jwt(R"({"alg":"HS512"})", claims, kSecret)));
  CHECK(refused(hs256(), rsa.make_jwt(claims)));
  CHECK(refused({}, support::make_hs256_jwt(claims, "")) == false);  // there is no key at all
  CHECK(verify_token({}, {}, support::make_hs256_jwt(claims, ""), kNow).error().message ==
        "the token is a JWT, and there is no auth.jwt_key");
  // What is no token at all.
  for (const std::string text : {"", ".", "..", "eyJ..", "eyJhbGciOiJIUzI1NiJ9.e30.",
                                 "eyJhbGciOiJIUzI1NiJ9..", "eyJ*.eyJ.eyJ"})
    CHECK_FALSE(verify_token({}, hs256(), text, kNow));
}

TEST_CASE("a key that does not fit its algorithm is refused at the start") {
  CHECK(check_jwt_key(JwtAlgorithm::rs256, support::RsaKey(2048).public_pem()));
  CHECK(check_jwt_key(JwtAlgorithm::rs256, support::RsaKey(1024).public_pem())
            .error()
            .message.find("2048") != std::string::npos);
  for (const std::string text : {"", "-----BEGIN PUBLIC KEY-----\n", kSecret.c_str()})
    CHECK_FALSE(check_jwt_key(JwtAlgorithm::rs256, text));
  CHECK(check_jwt_key(JwtAlgorithm::hs256, kSecret + "\r\n").value() == kSecret);
  CHECK_FALSE(check_jwt_key(JwtAlgorithm::hs256, std::string(31, 'x') + "\n"));
}

TEST_CASE("of the patterns that match a collection the most exact counts") {
  const Rights rights{Role::readwrite,
                      {{{"*", Access::read},
                        {"logs-*", Access::write},
                        {"logs-*-old", Access::none},
                        {"logs-7", Access::read},
                        {"l*gs-9", Access::none}}}};
  CHECK(rights.access_to("users") == Access::read);
  CHECK(rights.access_to("logs-1") == Access::write);
  CHECK(rights.access_to("logs-1-old") == Access::none);
  CHECK(rights.access_to("logs-7") == Access::read);
  CHECK(rights.access_to("logs-9") == Access::write);  // the first of equally long ones
  const Rights reader{Role::readonly, {{{"a", Access::write}}}};
  CHECK(reader.access_to("a") == Access::read);
  CHECK(reader.access_to("b") == Access::none);
  CHECK(Rights{Role::readonly, {}}.access_to("a") == Access::read);
  CHECK(Rights{Role::admin, {}}.access_to("a") == Access::write);
}

}  // namespace
}  // namespace kimdb::database
