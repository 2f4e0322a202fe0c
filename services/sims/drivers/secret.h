// Comparing what a provider shows with what it was told.
#pragma once

#include "absl/strings/string_view.h"

namespace mo::sims {

// Whether both are the same and not empty, in a time that tells nothing of where they differ.
bool SameSecret(absl::string_view shown, absl::string_view secret);

}  // namespace mo::sims
