// A clock that tests set.
#pragma once

#include <atomic>

#include "libs/runtime/clock.h"

namespace mo::testing {

// Stands still until it is moved. Starts at 2026-01-15 12:00 UTC.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixMicros(micros_); }
  void Set(absl::Time time) { micros_ = absl::ToUnixMicros(time); }
  void Advance(absl::Duration duration) { micros_ += absl::ToInt64Microseconds(duration); }

 private:
  std::atomic<int64_t> micros_{1768478400000000};
};

}  // namespace mo::testing
