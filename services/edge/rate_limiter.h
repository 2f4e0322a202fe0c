// How many requests a key may make.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/redis/token_bucket.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/executor.h"

namespace mo::edge {

// The answer for one request.
struct RateDecision {
  bool allowed = true;
  bool known = false;  // the numbers below are
  int64_t limit = 0;   // requests per second
  int64_t remaining = 0;
  absl::Duration retry_after = absl::ZeroDuration();
};

// A token bucket per key that all replicas share. Each replica takes a few tokens at a time and
// spends them locally, so that most requests ask nobody. When the shared bucket cannot be reached,
// everything is allowed. Safe for concurrent use.
class RateLimiter {
 public:
  using Done = std::function<void(const RateDecision&)>;
  // Takes up to `want` tokens of a key; blocking.
  using Take = std::function<absl::StatusOr<redis::Grant>(const std::string& key, int64_t want)>;

  // `per_second` 0: no limit. A bucket holds one second's worth.
  RateLimiter(const Clock& clock, Executor& executor, int64_t per_second, Take take);

  // Passes the decision about one more request, at once or from a thread of the executor.
  void Ask(const std::string& key, Done done);

 private:
  // Tokens taken are good for a second: what is not used goes back to nobody.
  static constexpr absl::Duration kLease = absl::Seconds(1);
  // While the shared bucket is out of reach, it is not asked for this long.
  static constexpr absl::Duration kPause = absl::Seconds(1);
  static constexpr size_t kMaxKeys = 10000;

  struct Bucket {
    int64_t tokens = 0;
    int64_t remaining = 0;  // in the shared bucket, when last asked
    absl::Time lease_end = absl::InfinitePast();
    absl::Time empty_until = absl::InfinitePast();
    bool asking = false;
    std::vector<Done> waiting;
  };

  void Fetch(const std::string& key, int64_t want);
  void Got(const std::string& key, const absl::StatusOr<redis::Grant>& grant);
  RateDecision Decide(Bucket& bucket, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  Executor& executor_;
  const int64_t per_second_;
  const int64_t batch_;
  const Take take_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
  absl::Time open_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace mo::edge
