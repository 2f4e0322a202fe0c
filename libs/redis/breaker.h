// Remembers that Redis is away, so that callers fail at once instead of waiting for it each.
#pragma once

#include <mutex>

#include "absl/time/time.h"

namespace mo::redis {

// Shared by the connections of a pool. Thread-safe.
class Breaker {
 public:
  // Whether a connection attempt is worth while now. After a failure one caller per back-off
  // interval (20 ms, doubled up to 500 ms) gets true.
  bool Allow();
  void Succeeded();
  void Failed();

 private:
  std::mutex mutex_;
  absl::Duration backoff_ = absl::ZeroDuration();
  absl::Time retry_at_ = absl::InfinitePast();
};

}  // namespace mo::redis
