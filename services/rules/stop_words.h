// An account's stop words: the product's, and how the account has changed them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/text/stop_words.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"
#include "messageorganizer/channels/v1/channels.pb.h"
#include "messageorganizer/rules/v1/rules.pb.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;

// The words that count: the product's of the languages in use (the settings name none: all), with
// what the account has added and removed.
text::StopWords StopWordsOf(const messageorganizer::accounts::v1::Settings& settings,
                            const v1::StopWords& own);

// The account's words with the product's beside them, by language too.
v1::StopWords WithStandard(const messageorganizer::accounts::v1::Settings& settings,
                           v1::StopWords own);

// What an account has set, with the lists of the languages that a request names in their places.
v1::StopWords Changed(v1::StopWords own, const v1::StopWords& request);

// INVALID_ARGUMENT when a word that is added is none, or a channel's keyword; when a language comes
// twice; or when nothing would be left of `changed`. Fields are named from "stop_words" on.
absl::Status CheckStopWords(const v1::StopWords& request, const v1::StopWords& changed,
                            const messageorganizer::accounts::v1::Settings& settings,
                            const messageorganizer::channels::v1::ListKeywordsResponse& keywords);

}  // namespace mo::rules
