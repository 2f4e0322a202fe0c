// The statistics service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::statistics {

inline absl::Status RecountRunning() {
  return Error(absl::StatusCode::kAlreadyExists, "RECOUNT_RUNNING",
               "a recount is under way already");
}

}  // namespace mo::statistics
