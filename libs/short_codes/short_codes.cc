#include "libs/short_codes/short_codes.h"

#include <sodium.h>

#include <cstring>

#include "absl/numeric/int128.h"
#include "libs/runtime/status.h"

namespace mo::short_codes {
namespace {

constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr char kOwner[] = "links.code_key";
constexpr int kHalf = 41;  // bits of one side of the network
constexpr uint64_t kHalfMask = (uint64_t{1} << kHalf) - 1;
constexpr int kCheck = 40;   // bits that must be zero
constexpr int kRounds = 10;  // as many as NIST's FF1 has

static_assert(ShortCodes::kKeyBytes == crypto_shorthash_KEYBYTES);

// Each character's digit; 255: none.
constexpr std::array<unsigned char, 256> MakeValues() {
  std::array<unsigned char, 256> values{};
  for (auto& value : values) value = 255;
  for (unsigned char i = 0; i < 62; ++i) values[static_cast<unsigned char>(kDigits[i])] = i;
  return values;
}
constexpr std::array<unsigned char, 256> kValues = MakeValues();

}  // namespace

absl::StatusOr<std::string> ShortCodes::NewKey(const secrets::KeyRing& ring) {
  std::array<unsigned char, kKeyBytes> key;
  randombytes_buf(key.data(), key.size());
  return ShortCodes(key).Seal(ring);
}

absl::StatusOr<ShortCodes> ShortCodes::Open(const secrets::KeyRing& ring,
                                            absl::string_view sealed) {
  MO_ASSIGN_OR_RETURN(const std::string plain, ring.Open(sealed, kOwner));
  std::array<unsigned char, kKeyBytes> key;
  if (plain.size() != key.size()) return absl::DataLossError("the key of short codes is damaged");
  std::memcpy(key.data(), plain.data(), key.size());
  return ShortCodes(key);
}

absl::StatusOr<std::string> ShortCodes::Seal(const secrets::KeyRing& ring) const {
  return ring.Seal(absl::string_view(reinterpret_cast<const char*>(key_.data()), key_.size()),
                   kOwner);
}

uint64_t ShortCodes::Round(uint64_t round, uint64_t half) const {
  // The half needs 41 bits, so that round and half fit into one word.
  const uint64_t input = round << kHalf | half;
  uint64_t output;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&output),
                   reinterpret_cast<const unsigned char*>(&input), sizeof input, key_.data());
  return output & kHalfMask;
}

std::string ShortCodes::Encode(int64_t number) const {
  const absl::uint128 plain = absl::uint128(static_cast<uint64_t>(number)) << kCheck;
  uint64_t left = static_cast<uint64_t>(plain >> kHalf);
  uint64_t right = static_cast<uint64_t>(plain) & kHalfMask;
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t next = left ^ Round(round, right);
    left = right;
    right = next;
  }
  absl::uint128 value = absl::uint128(left) << kHalf | right;
  std::string code(kLength, '0');
  for (size_t i = kLength; i-- > 0; value /= 62) {
    code[i] = kDigits[static_cast<uint64_t>(value % 62)];
  }
  return code;
}

std::optional<int64_t> ShortCodes::Decode(absl::string_view code) const {
  if (code.size() != kLength) return std::nullopt;
  absl::uint128 value = 0;
  bool bad = false;
  for (const char c : code) {
    const unsigned char digit = kValues[static_cast<unsigned char>(c)];
    bad |= digit == 255;
    value = value * 62 + digit;
  }
  bad |= (value >> (2 * kHalf)) != 0;
  uint64_t left = static_cast<uint64_t>(value >> kHalf) & kHalfMask;
  uint64_t right = static_cast<uint64_t>(value) & kHalfMask;
  for (uint64_t round = kRounds; round-- > 0;) {
    const uint64_t before = right ^ Round(round, left);
    right = left;
    left = before;
  }
  const absl::uint128 plain = absl::uint128(left) << kHalf | right;
  bad |= (static_cast<uint64_t>(plain) & ((uint64_t{1} << kCheck) - 1)) != 0;
  if (bad) return std::nullopt;
  return static_cast<int64_t>(static_cast<uint64_t>(plain >> kCheck));
}

}  // namespace mo::short_codes
