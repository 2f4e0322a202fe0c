// What Telegram shows below a message to tap on (PROTOCOLS.md §2.2, reply_markup).
#pragma once

#include <string>

#include "messageorganizer/common/v1/content.pb.h"

namespace mo::sims {

// The JSON of reply_markup: a keyboard of quick replies that goes away when one is tapped, or a
// button with a URL. "" when the content has neither.
std::string TelegramMarkup(const messageorganizer::common::v1::Content& content);

}  // namespace mo::sims
