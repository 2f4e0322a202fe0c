// The rules service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::rules {

inline absl::Status RuleNotFound() {
  return Error(absl::StatusCode::kNotFound, "RULE_NOT_FOUND", "there is no such rule");
}

inline absl::Status TooManyRules() {
  return Error(absl::StatusCode::kFailedPrecondition, "TOO_MANY_RULES",
               "the account has as many rules as it may have");
}

}  // namespace mo::rules
