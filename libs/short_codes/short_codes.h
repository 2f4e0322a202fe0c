// Codes of personal short links: computed from a number, so that a million of them are no rows.
#ifndef MESSAGEORGANIZER_LIBS_SHORT_CODES_SHORT_CODES_H_
#define MESSAGEORGANIZER_LIBS_SHORT_CODES_SHORT_CODES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/secrets/key_ring.h"

namespace mo::short_codes {

// Turns numbers into codes of 14 characters (0-9 A-Z a-z) and back. A code is 82 bits: the number
// and 40 zeros, enciphered together (a Feistel network of SipHash-2-4), so that a code tells
// nothing about its number or its neighbours', and a guess is accepted once in 2^40 * 62^14 / 2^82
// = 2.8 * 10^12 tries. Immutable; safe for concurrent use.
class ShortCodes {
 public:
  static constexpr size_t kLength = 14;
  // Numbers are below.
  static constexpr int64_t kNumbers = int64_t{1} << 42;
  static constexpr size_t kKeyBytes = 16;

  explicit ShortCodes(const std::array<unsigned char, kKeyBytes>& key) : key_(key) {}

  // A new random key, sealed. FAILED_PRECONDITION in an empty ring.
  static absl::StatusOr<std::string> NewKey(const secrets::KeyRing& ring);
  // Codes of a sealed key (of NewKey, or ShortenLinksResponse). NOT_FOUND when the ring lacks what
  // it was sealed with, DATA_LOSS when it was changed.
  static absl::StatusOr<ShortCodes> Open(const secrets::KeyRing& ring, absl::string_view sealed);
  // The key sealed with the ring's newest key. FAILED_PRECONDITION in an empty ring.
  absl::StatusOr<std::string> Seal(const secrets::KeyRing& ring) const;

  // The code of a number from 0 to kNumbers - 1.
  std::string Encode(int64_t number) const;
  // The number of a code, or nothing. Takes the same time for every text of kLength characters.
  std::optional<int64_t> Decode(absl::string_view code) const;

 private:
  uint64_t Round(uint64_t round, uint64_t half) const;

  std::array<unsigned char, kKeyBytes> key_;
};

}  // namespace mo::short_codes

#endif  // MESSAGEORGANIZER_LIBS_SHORT_CODES_SHORT_CODES_H_
