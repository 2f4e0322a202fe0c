// The statistics service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::statistics {

inline absl::Status RecountRunning() {
  return Error(absl::StatusCode::kAlreadyExists, "RECOUNT_RUNNING",
               "a recount is under way already");
}

inline absl::Status TooManyGroups() {
  return InvalidField(
      "group_by", "TOO_MANY_GROUPS",
      "too many numbers for one answer: ask for less time, longer steps or less groups");
}

}  // namespace mo::statistics
