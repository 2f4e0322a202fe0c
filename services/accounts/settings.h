// What holds where an account has decided nothing.
#pragma once

#include "messageorganizer/accounts/v1/accounts.pb.h"

namespace mo::accounts {

namespace v1 = messageorganizer::accounts::v1;

// UTC, English, nothing is deleted, no quiet hours; etag "1".
v1::Settings DefaultSettings();

}  // namespace mo::accounts
