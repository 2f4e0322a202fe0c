// Credentials at rest: sealed with a master key that is not in the database.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mo::secrets {

// Master keys with names: the first one seals, all of them open. To rotate, a new key is put first,
// what the old ones sealed is sealed anew, then they are removed.
//
// XChaCha20-Poly1305 (libsodium) with a random nonce. `owner` says whose secret it is, e.g.
// "sims.drivers/<account>/<sim>", and is part of what is authenticated: a sealed text that is moved
// to another row does not open there.
class KeyRing {
 public:
  // Of lines "id:key": id 1 to 16 of a-z 0-9 _ -, key 32 bytes in base64; empty lines and those
  // that begin with # are skipped. INVALID_ARGUMENT says which line is wrong, not what is in it. An
  // empty text makes an empty ring.
  static absl::StatusOr<KeyRing> Parse(absl::string_view text);

  ~KeyRing();
  KeyRing(KeyRing&& other) noexcept = default;
  KeyRing(const KeyRing&) = default;
  KeyRing& operator=(const KeyRing&) = default;
  KeyRing& operator=(KeyRing&&) noexcept = default;

  // Whether there is no key: nothing can be sealed then.
  bool empty() const { return keys_.empty(); }
  // The name of the key that seals.
  const std::string& newest() const { return keys_.front().id; }
  // The names of the others.
  std::vector<std::string> older() const;

  // Seals with the newest key. FAILED_PRECONDITION in an empty ring.
  absl::StatusOr<std::string> Seal(absl::string_view plain, absl::string_view owner) const;
  // NOT_FOUND when its key is not in the ring, DATA_LOSS when it was changed or is another owner's.
  absl::StatusOr<std::string> Open(absl::string_view sealed, absl::string_view owner) const;
  // 16 hexadecimal digits that change when the secret or the owner does; nobody without the key can
  // find a secret by trying. Needs a key.
  std::string Fingerprint(absl::string_view secret, absl::string_view owner) const;

 private:
  struct Key {
    std::string id;
    std::array<unsigned char, 32> bytes{};
  };
  KeyRing() = default;

  std::vector<Key> keys_;
};

}  // namespace mo::secrets
