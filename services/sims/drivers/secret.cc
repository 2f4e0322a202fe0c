#include "services/sims/drivers/secret.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace mo::sims {

bool SameSecret(absl::string_view shown, absl::string_view secret) {
  // Digests are of one length, whatever the length of what is shown.
  unsigned char left[SHA256_DIGEST_LENGTH], right[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(shown.data()), shown.size(), left);
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), right);
  return CRYPTO_memcmp(left, right, sizeof(left)) == 0 && !secret.empty();
}

}  // namespace mo::sims
