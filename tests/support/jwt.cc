#include "tests/support/jwt.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <vector>

namespace kimdb::support {

namespace {

constexpr std::string_view kHs256 = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kRs256 = R"({"alg":"RS256","typ":"JWT"})";

std::string base64url(std::string_view bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::vector<char> text(sodium_base64_encoded_len(bytes.size(), kVariant));
  return sodium_bin2base64(text.data(), text.size(),
                           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                           kVariant);
}

std::string signed_part(std::string_view header, std::string_view claims) {
  return base64url(header) + "." + base64url(claims);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string make_jwt(std::string_view header, std::string_view claims, std::string_view signature) {
  return signed_part(header, claims) + "." + base64url(signature);
}

std::string make_hmac_jwt(std::string_view header, std::string_view claims,
                          std::string_view secret) {
  const std::string text = signed_part(header, claims);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(text), text.size(),
       mac, &size);
  return make_jwt(header, claims, {reinterpret_cast<const char*>(mac), size});
}

std::string make_hs256_jwt(std::string_view claims, std::string_view secret) {
  return make_hmac_jwt(kHs256, claims, secret);
}

RsaKey::RsaKey(unsigned bits) : key_(EVP_RSA_gen(bits), EVP_PKEY_free) {}

std::string RsaKey::public_pem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PUBKEY(bio.get(), key_.get());
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string RsaKey::make_jwt(std::string_view claims) const {
  const std::string text = signed_part(kRs256, claims);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                 bytes_of(text), text.size());
  signature.resize(size);
  return support::make_jwt(kRs256, claims, signature);
}

}  // namespace kimdb::support
