#include "services/accounts/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/log.h"
#include "services/accounts/errors.h"

namespace mo::accounts {
namespace {

constexpr size_t kRandomBytes = 32;
constexpr size_t kEncodedBytes = 43;  // of base64url without padding
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* Raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Raw(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// A process without a random source must not make secrets.
std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(Raw(bytes), static_cast<int>(size)) != 1) {
    Log(LogLevel::kError, "no random numbers");
    std::abort();
  }
  return bytes;
}

}  // namespace

std::string NewSecret() {
  return absl::StrCat(kSecretPrefix, absl::WebSafeBase64Escape(RandomBytes(kRandomBytes)));
}

bool LooksLikeSecret(absl::string_view text) {
  return absl::StartsWith(text, kSecretPrefix) &&
         text.size() == absl::string_view(kSecretPrefix).size() + kEncodedBytes;
}

std::string HashOfSecret(absl::string_view secret) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(Raw(secret), secret.size(), Raw(hash));
  return hash;
}

bool SameSecret(absl::string_view a, absl::string_view b) {
  // Hashes are of one length, so that not even the length is told.
  return CRYPTO_memcmp(HashOfSecret(a).data(), HashOfSecret(b).data(), SHA256_DIGEST_LENGTH) == 0;
}

SecretSealer::SecretSealer(absl::string_view identity_key) : key_(SHA256_DIGEST_LENGTH, '\0') {
  constexpr absl::string_view kPurpose = "messageorganizer accounts: secrets in kept answers";
  HMAC(EVP_sha256(), identity_key.data(), static_cast<int>(identity_key.size()), Raw(kPurpose),
       kPurpose.size(), Raw(key_), nullptr);
}

std::string SecretSealer::Seal(absl::string_view secret, absl::string_view key_id) const {
  const std::string nonce = RandomBytes(kNonceBytes);
  std::string text(secret.size(), '\0');
  std::string tag(kTagBytes, '\0');
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Raw(absl::string_view(key_)),
                     Raw(absl::string_view(nonce)));
  EVP_EncryptUpdate(cipher.get(), nullptr, &size, Raw(key_id), static_cast<int>(key_id.size()));
  EVP_EncryptUpdate(cipher.get(), Raw(text), &size, Raw(secret), static_cast<int>(secret.size()));
  EVP_EncryptFinal_ex(cipher.get(), Raw(tag), &size);  // writes nothing in this mode
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data());
  return absl::WebSafeBase64Escape(absl::StrCat(nonce, text, tag));
}

absl::StatusOr<std::string> SecretSealer::Open(absl::string_view sealed,
                                               absl::string_view key_id) const {
  std::string raw;
  if (!absl::WebSafeBase64Unescape(sealed, &raw) || raw.size() < kNonceBytes + kTagBytes)
    return SecretGone();
  const absl::string_view body =
      absl::string_view(raw).substr(kNonceBytes, raw.size() - kNonceBytes - kTagBytes);
  std::string text(body.size(), '\0');
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Raw(absl::string_view(key_)),
                     Raw(absl::string_view(raw)));
  EVP_DecryptUpdate(cipher.get(), nullptr, &size, Raw(key_id), static_cast<int>(key_id.size()));
  EVP_DecryptUpdate(cipher.get(), Raw(text), &size, Raw(body), static_cast<int>(body.size()));
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                      raw.data() + raw.size() - kTagBytes);
  unsigned char rest[kTagBytes];
  if (EVP_DecryptFinal_ex(cipher.get(), rest, &size) != 1) return SecretGone();
  return text;
}

}  // namespace mo::accounts
