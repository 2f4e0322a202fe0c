// SMS as it is counted (GSM 03.38, 3GPP 23.040), and text as SMS gateways encode it.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace mo::sims {

// How a text travels.
struct SmsSize {
  bool gsm7 = true;  // else UCS-2: some character is not in GSM's default alphabet
  size_t units = 0;  // septets (two for those of the extension), or UTF-16 units
  size_t parts = 0;  // messages, each but a single one with a header; 0: no text
};
// What is not UTF-8 counts as U+FFFD.
SmsSize MeasureSms(absl::string_view utf8);

// Typographic quotes, dashes, blanks and dots as their plain forms, which GSM's alphabet has.
std::string PlainPunctuation(absl::string_view utf8);

// UTF-8 out of what networks send, without NUL; what cannot be read becomes U+FFFD.
std::string FromUtf16(absl::string_view big_endian);
std::string FromLatin1(absl::string_view bytes);
std::string FromUtf8(absl::string_view bytes);

}  // namespace mo::sims
