// Rate limits that all processes share.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/redis/pool.h"

namespace mo::redis {

// A bucket refills with `per_second` tokens a second up to `burst`. Both must be positive.
struct RateLimit {
  double per_second = 1;
  double burst = 1;
};

// What a bucket gave.
struct Grant {
  int64_t granted = 0;
  int64_t remaining = 0;
  // When the rest of what was wanted will be there; zero when all was granted.
  absl::Duration retry_after;
};

// Token buckets by key. A bucket that Redis has forgotten is full. Thread-safe.
class TokenBucket {
 public:
  explicit TokenBucket(Pool& pool);
  // Takes `wanted` tokens or none; UNAVAILABLE when Redis is: the caller decides what that means.
  absl::StatusOr<Grant> Take(absl::string_view key, RateLimit limit, int64_t wanted,
                             absl::Time now) {
    return Run(key, limit, wanted, now, false);
  }
  // Takes up to `wanted` tokens.
  absl::StatusOr<Grant> TakeUpTo(absl::string_view key, RateLimit limit, int64_t wanted,
                                 absl::Time now) {
    return Run(key, limit, wanted, now, true);
  }

 private:
  absl::StatusOr<Grant> Run(absl::string_view key, RateLimit limit, int64_t wanted, absl::Time now,
                            bool partial);

  Pool& pool_;
  const Script script_;
};

}  // namespace mo::redis
