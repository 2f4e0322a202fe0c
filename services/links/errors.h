// The links service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::links {

inline absl::Status LinkNotFound() {
  return Error(absl::StatusCode::kNotFound, "LINK_NOT_FOUND", "there is no such link");
}

inline absl::Status CodeTaken() {
  return Error(absl::StatusCode::kAlreadyExists, "CODE_TAKEN",
               "the code is in use or was used before");
}

}  // namespace mo::links
