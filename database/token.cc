#include "database/token.h"

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/check.h"
#include "engine/json_tree.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

using engine::JsonKind;
using engine::JsonMember;
using engine::JsonNode;

constexpr std::string_view kKeyPrefix = "kimdb_";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kTokenBytesMax = 16 << 10;
constexpr std::size_t kNameBytesMax = 128;
constexpr double kClockSkewSeconds = 30;
constexpr std::size_t kSecretBytesMin = 32;  // RFC 7518, 3.2
constexpr int kRsaBitsMin = 2048;            // the same, 3.3

struct Free {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
  void operator()(char* text) const { std::free(text); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

Error refused(std::string_view why) {
  return {ErrorCode::permission_denied, std::string("the token ").append(why)};
}

bool is_base64url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Three parts of base64url.
bool is_jwt(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 2 && text.starts_with("eyJ") &&
         text.size() <= kTokenBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_base64url(c); });
}

// A number of seconds, as a claim has it.
std::optional<double> seconds_of(const JsonMember* claim) {
  if (claim == nullptr || claim->value.kind != JsonKind::number) return std::nullopt;
  return protocol::parse_double(claim->value.text);
}

std::optional<std::string> text_of(const JsonNode& node) {
  if (node.kind != JsonKind::string) return std::nullopt;
  return engine::decode_json_string(node.text);
}

bool names_audience(const JsonMember* claim, const std::string& audience) {
  if (claim == nullptr) return false;
  if (claim->value.kind != JsonKind::array) return text_of(claim->value) == audience;
  return std::any_of(claim->value.items.begin(), claim->value.items.end(),
                     [&](const JsonNode& item) { return text_of(item) == audience; });
}

// As it can stand in CLIENT LIST, which separates fields by spaces.
std::string shown_name(std::string name) {
  name.resize(std::min(name.size(), kNameBytesMax));
  for (char& c : name)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '_';
  return name;
}

Result<Rights> rights_of(const JsonNode& claims) {
  Rights rights;
  if (const JsonMember* role = claims.find("role")) {
    const auto named = role_of(text_of(role->value).value_or(""));
    if (!named) return refused("has a role that is not readonly, readwrite or admin");
    rights.role = *named;
  }
  const JsonMember* collections = claims.find("collections");
  if (collections == nullptr) return rights;
  if (rights.role == Role::admin) return refused("is an admin's, who has no list of collections");
  if (collections->value.kind != JsonKind::object)
    return refused("has collections that are no object");
  rights.collections.emplace();
  for (const JsonMember& member : collections->value.members) {
    const auto access = access_of(text_of(member.value).value_or(""));
    if (!access) return refused("has an access that is not read, write or none");
    rights.collections->push_back({member.name, *access});
  }
  return rights;
}

Result<Identity> identity_of(const JsonNode& claims, const JwtOptions& options,
                             std::int64_t now_ms) {
  const double now = static_cast<double>(now_ms) / 1000;
  const auto expires = seconds_of(claims.find("exp"));
  if (!expires) return refused("has no time of expiry (exp)");
  if (*expires + kClockSkewSeconds <= now) return refused("has expired");
  const JsonMember* not_before = claims.find("nbf");
  if (not_before != nullptr &&
      seconds_of(not_before).value_or(now + 2 * kClockSkewSeconds) - kClockSkewSeconds > now)
    return refused("is not valid yet (nbf)");
  const JsonMember* issuer = claims.find("iss");
  if (!options.issuer.empty() && (issuer == nullptr || text_of(issuer->value) != options.issuer))
    return refused("is not of auth.jwt_issuer");
  if (!options.audience.empty() && !names_audience(claims.find("aud"), options.audience))
    return refused("is not for auth.jwt_audience");
  const JsonMember* subject = claims.find("sub");
  auto name = subject == nullptr ? std::nullopt : text_of(subject->value);
  if (!name || name->empty()) return refused("names nobody (sub)");
  auto rights = rights_of(claims);
  if (!rights) return std::move(rights).error();
  constexpr double kLastSecond = 9e12;  // what comes later is never
  const auto end =
      static_cast<std::int64_t>((std::min(*expires, kLastSecond) + kClockSkewSeconds) * 1000);
  return Identity{shown_name(*std::move(name)), *std::move(rights), end};
}

Result<Identity> verify_jwt(const JwtOptions& options, std::string_view token,
                            std::int64_t now_ms) {
  if (options.key.empty()) return refused("is a JWT, and there is no auth.jwt_key");
  const std::string text(token);
  jwt_t* decoded = nullptr;
  // Whether its signature is right.
  const int failure =
      jwt_decode(&decoded, text.c_str(), reinterpret_cast<const unsigned char*>(options.key.data()),
                 static_cast<int>(options.key.size()));
  const std::unique_ptr<jwt_t, Free> jwt(decoded);
  // The key of one algorithm must not verify what claims another one: a public key is no secret.
  const jwt_alg_t algorithm =
      options.algorithm == JwtAlgorithm::rs256 ? JWT_ALG_RS256 : JWT_ALG_HS256;
  if (failure != 0 || jwt == nullptr || jwt_get_alg(jwt.get()) != algorithm)
    return refused("is not signed by auth.jwt_key");
  const std::unique_ptr<char, Free> json(jwt_get_grants_json(jwt.get(), nullptr));
  const auto claims = engine::parse_json_tree(json == nullptr ? "" : json.get());
  if (!claims || claims->kind != JsonKind::object) return refused("has claims that are no object");
  return identity_of(*claims, options, now_ms);
}

}  // namespace

std::string make_api_key(Random& random) {
  std::array<unsigned char, 32> bytes{};
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t word = random.next();
    for (std::size_t j = 0; j < 8; ++j) bytes[i + j] = static_cast<unsigned char>(word >> (8 * j));
  }
  std::array<char, 64> text{};
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return std::string(kKeyPrefix) + text.data();
}

std::string hash_api_key(std::string_view key) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(key.data()), key.size());
  std::array<char, crypto_hash_sha256_BYTES * 2 + 1> text{};
  sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  return std::string(kHashPrefix) + text.data();
}

bool is_api_key_hash(std::string_view text) {
  return text.starts_with(kHashPrefix) &&
         text.size() == kHashPrefix.size() + 2 * crypto_hash_sha256_BYTES &&
         text.find_first_not_of("0123456789abcdef", kHashPrefix.size()) == std::string_view::npos;
}

Result<std::string> check_jwt_key(JwtAlgorithm algorithm, std::string_view file) {
  const auto wrong = [](std::string_view what) {
    return Error{ErrorCode::invalid_argument, std::string(what)};
  };
  if (algorithm == JwtAlgorithm::hs256) {
    while (file.ends_with('\n') || file.ends_with('\r')) file.remove_suffix(1);
    if (file.size() < kSecretBytesMin) return wrong("the secret of HS256 has less than 32 bytes");
    return std::string(file);
  }
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  const std::unique_ptr<EVP_PKEY, Free> key(
      bio == nullptr ? nullptr : PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return wrong("this is no public RSA key in PEM (-----BEGIN PUBLIC KEY-----)");
  if (EVP_PKEY_get_bits(key.get()) < kRsaBitsMin)
    return wrong("the RSA key has less than 2048 bits");
  return std::string(file);
}

bool is_token(std::string_view text) { return text.starts_with(kKeyPrefix) || is_jwt(text); }

Result<Identity> verify_token(const std::vector<Account>& api_keys, const JwtOptions& jwt,
                              std::string_view token, std::int64_t now_ms) {
  if (is_jwt(token)) return verify_jwt(jwt, token, now_ms);
  const std::string hash = hash_api_key(token);
  const auto found = std::find_if(api_keys.begin(), api_keys.end(),
                                  [&](const Account& each) { return each.hash == hash; });
  if (found == api_keys.end()) return refused("is no API key that auth.api_keys has");
  return Identity{found->name, found->rights, 0};
}

}  // namespace kimdb::database
