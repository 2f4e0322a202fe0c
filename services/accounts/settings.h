// The rules of settings that the proto cannot say.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"

namespace mo::accounts {

namespace v1 = messageorganizer::accounts::v1;

// What holds for an account that has decided nothing: UTC, English, nothing is deleted; etag "1".
v1::Settings DefaultSettings();

// INVALID_ARGUMENT about `field` unless the name is one of an IANA time zone.
absl::Status CheckTimeZone(absl::string_view field, const std::string& name);

}  // namespace mo::accounts
