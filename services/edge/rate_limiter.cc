#include "services/edge/rate_limiter.h"

#include <algorithm>
#include <utility>

namespace mo::edge {

RateLimiter::RateLimiter(const Clock& clock, Executor& executor, int64_t per_second, Take take)
    : clock_(clock),
      executor_(executor),
      per_second_(per_second),
      // A tenth: replicas share fairly, and a busy key asks ten times a second.
      batch_(std::max<int64_t>(1, per_second / 10)),
      take_(std::move(take)) {}

RateDecision RateLimiter::Decide(Bucket& bucket, absl::Time now) {
  RateDecision decision{true, true, per_second_, 0, absl::ZeroDuration()};
  if (bucket.tokens > 0) {
    --bucket.tokens;
    decision.remaining = bucket.tokens + bucket.remaining;
  } else {
    decision.allowed = false;
    decision.retry_after = std::max(bucket.empty_until - now, absl::Milliseconds(1));
  }
  return decision;
}

void RateLimiter::Ask(const std::string& key, Done done) {
  if (per_second_ == 0) return done({});
  RateDecision decision;
  bool decided = true;
  int64_t want = 0;
  {
    absl::MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    if (now >= open_until_) {
      if (buckets_.size() >= kMaxKeys && !buckets_.contains(key)) {
        absl::erase_if(buckets_, [&](const auto& item) {
          return !item.second.asking && item.second.lease_end <= now;
        });
      }
      Bucket& bucket = buckets_[key];
      if (bucket.lease_end <= now) bucket.tokens = 0;
      const bool empty = bucket.tokens == 0;
      // Half used up: ask for more in the background, so that nobody waits.
      if (!bucket.asking && bucket.tokens <= batch_ / 2 && now >= bucket.empty_until) {
        bucket.asking = true;
        want = batch_;
      }
      if (empty && bucket.asking) {
        bucket.waiting.push_back(std::move(done));
        decided = false;
      } else {
        decision = Decide(bucket, now);
      }
    }
  }
  if (want > 0) Fetch(key, want);
  if (decided) done(decision);
}

void RateLimiter::Fetch(const std::string& key, int64_t want) {
  const bool posted = executor_.Post([this, key, want] { Got(key, take_(key, want)); });
  if (!posted) Got(key, absl::UnavailableError("busy"));
}

void RateLimiter::Got(const std::string& key, const absl::StatusOr<redis::Grant>& grant) {
  std::vector<std::pair<Done, RateDecision>> answers;
  {
    absl::MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    Bucket& bucket = buckets_[key];
    bucket.asking = false;
    if (grant.ok()) {
      bucket.tokens += grant->granted;
      bucket.remaining = grant->remaining;
      bucket.lease_end = now + kLease;
      bucket.empty_until = grant->granted > 0 ? absl::InfinitePast() : now + grant->retry_after;
    } else {
      open_until_ = now + kPause;
    }
    for (Done& done : std::exchange(bucket.waiting, {})) {
      answers.emplace_back(std::move(done), grant.ok() ? Decide(bucket, now) : RateDecision{});
    }
  }
  for (auto& [done, decision] : answers) done(decision);
}

}  // namespace mo::edge
