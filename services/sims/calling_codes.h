// How long the country calling codes of phone numbers are.
#pragma once

#include <array>

#include "absl/strings/string_view.h"

namespace mo::sims {

// The codes of two digits ("List of ITU-T Recommendation E.164 assigned country codes", annex to
// ITU Operational Bulletin No. 1114). Those of one digit are 1 and 7; all others, also those that
// are not assigned, have three.
inline constexpr std::array<unsigned char, 44> kTwoDigitCodes = {
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54,
    55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98};

// How many of the first digits of a number are its country calling code. `digits`: an international
// number without "+"; 0 when there are too few of them.
constexpr int CallingCodeLength(absl::string_view digits) {
  if (digits.size() < 3) return 0;
  if (digits[0] == '1' || digits[0] == '7') return 1;
  const int two = (digits[0] - '0') * 10 + (digits[1] - '0');
  for (const unsigned char code : kTwoDigitCodes) {
    if (code == two) return 2;
  }
  return 3;
}

}  // namespace mo::sims
