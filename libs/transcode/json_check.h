// Checks JSON against a message type and finds every mistake with its path.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "libs/runtime/errors.h"

namespace mo::transcode {

// The deepest nesting of objects and lists taken.
inline constexpr size_t kMaxJsonDepth = 32;

// One pass over `json` as a `type`, without building anything. Adds a problem for whatever is not
// strict JSON (MALFORMED_JSON), not a field (UNKNOWN_FIELD), given twice (DUPLICATE), of a wrong
// kind (WRONG_TYPE), not a value of its enum (UNKNOWN_VALUE), too large a number (OUT_OF_RANGE),
// badly formed (BAD_FORMAT) or nested too deeply (TOO_DEEP); after 100 problems it stops. True when
// there were none. Limits of the field rules are the service's business.
bool CheckJson(absl::string_view json, const google::protobuf::Descriptor* type,
               Problems* problems);

}  // namespace mo::transcode
