// What is wrong with a rule that is to be saved.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "messageorganizer/rules/v1/rules.pb.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;

// Everything beyond the limits in its proto, all at once; fields are named from "rule" on. Whether
// channels and files are the account's is for who knows them.
absl::Status CheckRule(const v1::Rule& rule);

// The placeholders that a rule's answers may have, besides attributes.
const std::vector<absl::string_view>& AnswerPlaceholders();

}  // namespace mo::rules
