#include "libs/redis/breaker.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace mo::redis {

bool Breaker::Allow() {
  std::lock_guard lock(mutex_);
  const absl::Time now = absl::Now();
  if (now < retry_at_) return false;
  retry_at_ = now + backoff_;
  return true;
}

void Breaker::Succeeded() {
  std::lock_guard lock(mutex_);
  backoff_ = absl::ZeroDuration();
  retry_at_ = absl::InfinitePast();
}

void Breaker::Failed() {
  std::lock_guard lock(mutex_);
  backoff_ = std::clamp(backoff_ * 2, absl::Milliseconds(20), absl::Milliseconds(500));
  retry_at_ = absl::Now() + backoff_;
}

}  // namespace mo::redis
