#include "libs/testing/wait.h"

#include <stdexcept>

#include "absl/time/clock.h"

namespace mo::testing {

void WaitFor(const std::function<bool()>& condition, const std::string& what,
             absl::Duration deadline) {
  const absl::Time end = absl::Now() + deadline;
  while (!condition()) {
    if (absl::Now() > end) throw std::runtime_error("waited in vain for " + what);
    absl::SleepFor(absl::Milliseconds(2));  // the pause between two looks, not a wait for time
  }
}

}  // namespace mo::testing
