// When an open-loop run's requests are due.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mo::bench {

// Fixed rate: a request is due at its time whatever has become of the earlier ones, and its latency
// counts from then, so that a stall of the server is not left out (no coordinated omission).
class Schedule {
 public:
  explicit Schedule(double per_second)
      : start_(absl::Now()), interval_(absl::Seconds(1) / per_second) {}
  // When the next request is due.
  absl::Time next() const { return start_ + interval_ * count_; }
  // Takes the next request; when it was due.
  absl::Time Take() {
    const absl::Time due = next();
    ++count_;
    return due;
  }

 private:
  const absl::Time start_;
  const absl::Duration interval_;
  int64_t count_ = 0;
};

}  // namespace mo::bench
