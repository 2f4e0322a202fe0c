// The registration that a message carries.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mo::inbox {

// The first registration's id ("reg_" and its 13 digits) in what a person wrote, empty if there is
// none: a deep link fills it in, as Telegram's "/start reg_…" or in the text that WhatsApp and SMS
// open with.
std::string RegistrationIn(absl::string_view words);

}  // namespace mo::inbox
