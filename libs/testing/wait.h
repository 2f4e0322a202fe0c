// Waiting for conditions, never for time.
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace mo::testing {

// Returns when the condition holds; throws std::runtime_error naming `what` after the deadline.
void WaitFor(const std::function<bool()>& condition, const std::string& what,
             absl::Duration deadline = absl::Seconds(20));

}  // namespace mo::testing
