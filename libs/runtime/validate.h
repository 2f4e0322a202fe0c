// Checks a request against the rules in its proto (common.v1.rule), before its method runs.
#pragma once

#include <google/protobuf/message.h>

#include "absl/status/status.h"

namespace mo {

// OK, or INVALID_ARGUMENT with every violation: REQUIRED, TOO_LONG, TOO_MANY, OUT_OF_RANGE,
// BAD_FORMAT, BAD_ID, UNKNOWN_VALUE. Output-only fields are ignored, as AIP-203 asks.
absl::Status Validate(const google::protobuf::Message& request);

}  // namespace mo
