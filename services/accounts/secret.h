// Secrets of API keys: how they are made, kept and shown again.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mo::accounts {

// What every secret starts with, so that scanners of leaked code find it.
inline constexpr char kSecretPrefix[] = "mo_live_";

// A new secret: the prefix and 256 random bits in base64url.
std::string NewSecret();

// Whether the text looks like one of ours; it may still be unknown.
bool LooksLikeSecret(absl::string_view text);

// What is kept of a secret: its SHA-256. A slow, salted hash is for passwords, which can be
// guessed; 256 random bits cannot, and this one can be looked up by an index.
std::string HashOfSecret(absl::string_view secret);

// Whether two secrets are equal, in a time that does not depend on where they differ.
bool SameSecret(absl::string_view a, absl::string_view b);

// Encrypts secrets inside the answers that storage keeps for idempotency keys. Without it each new
// secret would lie in the database in clear for 24 hours, in backups for longer. Deriving secrets
// from a master key would need no kept secret at all, but whoever learns that key later would know
// every secret ever made; this way it opens a day's answers at most, and only together with the
// database. AES-256-GCM, bound to the key's id, under a key derived from the processes' common key.
class SecretSealer {
 public:
  explicit SecretSealer(absl::string_view identity_key);
  // Base64url of nonce, ciphertext and tag.
  std::string Seal(absl::string_view secret, absl::string_view key_id) const;
  // SECRET_GONE when it was sealed with another key, e.g. before the common key was exchanged.
  absl::StatusOr<std::string> Open(absl::string_view sealed, absl::string_view key_id) const;

 private:
  std::string key_;
};

}  // namespace mo::accounts
