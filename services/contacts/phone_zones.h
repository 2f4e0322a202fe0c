// The clock that a phone number's owner lives by, as far as the number tells.
#pragma once

#include "absl/strings/string_view.h"

namespace mo::contacts {

// The IANA zone of an E.164 number's ("+43…") country, if that has only one; else empty. Where the
// number's owner is just now, nobody knows.
absl::string_view ZoneOfPhone(absl::string_view phone);

}  // namespace mo::contacts
