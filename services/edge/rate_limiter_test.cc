#include "services/edge/rate_limiter.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "absl/synchronization/notification.h"
#include "libs/testing/clock.h"
#include "libs/testing/servers.h"

namespace mo::edge {
namespace {

// Limits of 100 per second on a real Redis, with a clock that stands still.
struct Fixture {
  RateDecision Ask(RateLimiter& limiter, const std::string& key) {
    RateDecision result;
    absl::Notification done;
    limiter.Ask(key, [&](const RateDecision& decision) {
      result = decision;
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }
  RateLimiter::Take Take() {
    return [this](const std::string& key, int64_t want) {
      ++takes;
      return buckets.TakeUpTo(key, {100, 100}, want, clock.Now());
    };
  }
  testing::Redis redis;
  testing::FakeClock clock;
  redis::Pool pool{{.url = redis.url()}};
  redis::TokenBucket buckets{pool};
  std::atomic<int> takes{0};
  Executor executor{2, 100};
};

TEST_CASE("A key gets its rate and not more, over two replicas") {
  Fixture f;
  RateLimiter one(f.clock, f.executor, 100, f.Take());
  RateLimiter two(f.clock, f.executor, 100, f.Take());
  int allowed = 0;
  for (int i = 0; i < 150; ++i) {
    allowed += f.Ask(one, "a").allowed;
    allowed += f.Ask(two, "a").allowed;
  }
  CHECK(allowed == 100);
  CHECK(f.takes < 60);  // many requests for each question
  const RateDecision refused = f.Ask(one, "a");
  CHECK_FALSE(refused.allowed);
  CHECK(refused.limit == 100);
  CHECK(refused.retry_after > absl::ZeroDuration());
  CHECK(refused.retry_after <= absl::Seconds(1));
  CHECK(f.Ask(one, "b").allowed);  // another key has its own

  f.clock.Advance(absl::Seconds(2));
  const RateDecision again = f.Ask(one, "a");
  CHECK(again.allowed);
  CHECK(again.remaining == 99);
}

TEST_CASE("Without Redis everything is allowed, and it is not asked all the time") {
  Fixture f;
  RateLimiter limiter(f.clock, f.executor, 100, f.Take());
  f.redis.Kill();
  for (int i = 0; i < 1000; ++i) {
    const RateDecision decision = f.Ask(limiter, "a");
    CHECK(decision.allowed);
    CHECK_FALSE(decision.known);
  }
  CHECK(f.takes == 1);
}

TEST_CASE("Limit 0 is none") {
  Fixture f;
  RateLimiter limiter(f.clock, f.executor, 0, f.Take());
  CHECK(f.Ask(limiter, "a").allowed);
  CHECK(f.takes == 0);
}

}  // namespace
}  // namespace mo::edge
