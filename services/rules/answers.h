// The texts that the product sends by itself: its own, and what accounts have made of them.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/text/template.h"
#include "messageorganizer/rules/v1/rules.pb.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;

// An account's own answers by language, lower case.
using OwnAnswers = std::map<std::string, v1::StandardAnswers>;

// The answers for a language: the account's own for it ("de-at", then "de"), else the product's for
// it, else the same for the account's default language, else for English.
v1::StandardAnswers AnswersFor(const OwnAnswers& own, absl::string_view language,
                               absl::string_view default_language);

// INVALID_ARGUMENT with every placeholder that is none; fields are named from "answers" on.
absl::Status CheckAnswers(const v1::StandardAnswers& answers);

// A text with its placeholders replaced; one that is no template is sent as it is.
std::string RenderAnswer(const std::string& text, text::Template::Lookup lookup);

}  // namespace mo::rules
