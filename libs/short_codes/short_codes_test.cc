#include "libs/short_codes/short_codes.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

namespace mo::short_codes {
namespace {

constexpr char kRing[] = "new:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

ShortCodes Codes(unsigned char seed) {
  std::array<unsigned char, ShortCodes::kKeyBytes> key;
  key.fill(seed);
  return ShortCodes(key);
}

TEST_CASE("Every number has a code of its own, which leads back to it") {
  const ShortCodes codes = Codes(1);
  std::mt19937_64 random(7);
  std::set<std::string> seen;
  const auto check = [&](int64_t number) {
    const std::string code = codes.Encode(number);
    REQUIRE(code.size() == ShortCodes::kLength);
    REQUIRE(code.find_first_not_of(kDigits) == std::string::npos);
    REQUIRE(codes.Decode(code) == number);
    seen.insert(code);
  };
  for (int64_t number = 0; number < 1000; ++number) check(number);
  for (int i = 0; i < 20000; ++i)
    check(1000 + static_cast<int64_t>(random() % (ShortCodes::kNumbers - 1000)));
  check(ShortCodes::kNumbers - 1);
  CHECK(seen.size() > 20990);
}

TEST_CASE("Neighbours' codes have nothing in common") {
  const ShortCodes codes = Codes(1);
  int same = 0;
  for (int64_t number = 0; number < 10000; ++number) {
    const std::string a = codes.Encode(number), b = codes.Encode(number + 1);
    for (size_t i = 1; i < a.size(); ++i) same += a[i] == b[i];  // the first digit is below 25
  }
  // 130,000 pairs of letters, of which chance makes one in 62 equal.
  CHECK(same > 1800);
  CHECK(same < 2400);
}

TEST_CASE("Ten million guesses: none is accepted, be they random or near a code that is") {
  const ShortCodes codes = Codes(3);
  std::mt19937_64 random(11);
  int accepted = 0;
  std::string guess(ShortCodes::kLength, '0');
  for (int i = 0; i < 10000000; ++i) {
    uint64_t bits = random();
    for (size_t k = 0; k < guess.size(); ++k) {
      if (k == 7) bits = random();
      guess[k] = kDigits[bits % 62];
      bits /= 62;
    }
    accepted += codes.Decode(guess).has_value() ? 1 : 0;
  }
  CHECK(accepted == 0);

  for (int64_t number = 0; number < 200; ++number) {
    const std::string code = codes.Encode(number);
    for (size_t at = 0; at < code.size(); ++at) {
      for (const char digit : absl::string_view(kDigits)) {
        std::string other = code;
        other[at] = digit;
        if (other != code) accepted += codes.Decode(other).has_value() ? 1 : 0;
      }
    }
  }
  CHECK(accepted == 0);
}

TEST_CASE("What is no code at all is none") {
  const ShortCodes codes = Codes(1);
  const std::string code = codes.Encode(5);
  for (const std::string& text :
       {std::string(), code.substr(1), code + "0", std::string(14, 'z'), std::string(14, '\0'),
        std::string(14, '\xff'), "-" + code.substr(1)}) {
    CHECK_FALSE(codes.Decode(text).has_value());
  }
}

TEST_CASE("A code of one key is none of another") {
  const ShortCodes mine = Codes(1), theirs = Codes(2);
  for (int64_t number = 0; number < 10000; ++number)
    REQUIRE_FALSE(theirs.Decode(mine.Encode(number)).has_value());
}

TEST_CASE("The key is kept sealed, and survives a rotation of the ring") {
  const auto ring = secrets::KeyRing::Parse(kRing);
  REQUIRE(ring.ok());
  const auto sealed = ShortCodes::NewKey(*ring);
  REQUIRE(sealed.ok());
  const auto codes = ShortCodes::Open(*ring, *sealed);
  REQUIRE(codes.ok());
  CHECK(ShortCodes::Open(*ring, sealed->substr(1)).ok() == false);
  const auto rotated = secrets::KeyRing::Parse(
      std::string("newer:HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n") + kRing);
  REQUIRE(rotated.ok());
  const auto again = ShortCodes::Open(*rotated, *codes->Seal(*rotated));
  REQUIRE(again.ok());
  CHECK(again->Decode(codes->Encode(77)) == 77);
  CHECK_FALSE(ShortCodes::NewKey(*secrets::KeyRing::Parse("")).ok());
}

}  // namespace
}  // namespace mo::short_codes
