#include "services/sims/pace.h"

#include <array>
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <utility>

namespace mo::sims {
namespace {

const Consequence& Throttled() { return ConsequenceOf(ErrorClass::kThrottled); }

// A minute of sending as fast as the pace allows, 128 messages at once, answered after 3 ms.
struct Minute {
  struct Answer {
    int at;
    bool taken;
  };
  int calls = 0, refused = 0;            // in all
  int late_calls = 0, late_refused = 0;  // after ten seconds

  // `takes`: the provider's answer, at a millisecond.
  Minute(double owner, const std::function<bool(int ms)>& takes,
         absl::Duration pause = absl::Milliseconds(500)) {
    Pace pace;
    pace.SetLimit(owner);
    absl::Time now = absl::FromUnixSeconds(1800000000);
    std::deque<Answer> answers;
    double tokens = 0;
    for (int ms = 0; ms < 60000; ++ms, now += absl::Milliseconds(1)) {
      if (ms % 50 == 0) pace.Tick(now);
      tokens = std::min(std::max(1.0, pace.rate() / 10), tokens + pace.rate() / 1000);
      for (; !answers.empty() && answers.front().at <= ms; answers.pop_front()) {
        if (answers.front().taken) {
          pace.Accepted(now);
        } else {
          pace.Refused(Throttled(), "", pause + absl::Milliseconds(ms % 125), now);
        }
      }
      if (pace.SimWaits(now)) continue;
      for (; answers.size() < 128 && (pace.rate() == 0 || tokens >= 1); --tokens) {
        const bool taken = takes(ms);
        answers.push_back({ms + 3, taken});
        ++calls;
        refused += !taken;
        late_calls += ms >= 10000;
        late_refused += ms >= 10000 && !taken;
      }
    }
  }
};

TEST_CASE("The rate converges below the provider's, with few refusals", "[pace]") {
  for (const double limit : {20, 80, 200, 1000}) {
    for (int i = 0; i < 6; ++i) {
      const double owner = std::array{0.0, 1.2 * limit, 5 * limit}[i % 3];
      const int pause = i < 3 ? 500 : 1000;  // what the provider asks for
      INFO(limit << " against " << owner << ", told to wait for " << pause << " ms");
      // What was not used is kept for a second.
      double allowance = limit;
      int last = 0;
      const Minute minute(
          owner,
          [&](int ms) {
            allowance = std::min(limit, allowance + limit * (ms - std::exchange(last, ms)) / 1000);
            if (allowance < 1) return false;
            --allowance;
            return true;
          },
          absl::Milliseconds(pause));
      CHECK(minute.late_refused < minute.late_calls / 100);
      CHECK(minute.late_calls > 50 * limit * 0.85);
      CHECK(minute.refused < 10 * limit + 300);
    }
  }
}

TEST_CASE("A provider that refuses at random does not bring the rate down to nothing", "[pace]") {
  const auto at_random = [calls = uint64_t{0}](int) mutable {
    return (++calls * 2654435761U % 1000) >= 300;
  };
  CHECK(Minute(100, at_random).calls > 60 * 15);
  CHECK(Minute(1000, at_random).calls > 60 * 100);
  CHECK(Minute(0, at_random).calls > 60 * 20);
}

TEST_CASE("A SIM waits when it is refused altogether, not for a refusal now and then", "[pace]") {
  Pace pace;
  const absl::Time now = absl::FromUnixSeconds(1800000000);
  const auto refused = [&](int times) {
    for (int i = 0; i < times; ++i) pace.Refused(Throttled(), "", absl::Seconds(17), now);
    return pace.SimWaits(now);
  };
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(refused(2));
    for (int n = 0; n < 3; ++n) pace.Accepted(now);
  }
  CHECK(refused(20));
  CHECK(pace.SimWaits(now + absl::Seconds(16)));
  CHECK_FALSE(pace.SimWaits(now + absl::Seconds(17)));
  // Still so afterwards: fewer are enough.
  pace.Forgive();
  CHECK(refused(8));
}

TEST_CASE("Who has to wait does, and nobody else", "[pace]") {
  Pace pace;
  const absl::Time now = absl::FromUnixSeconds(1800000000);
  const absl::Time later = now + absl::Seconds(4);
  pace.Refused(ConsequenceOf(ErrorClass::kPairThrottled), "+431", absl::Seconds(4), now);
  CHECK(pace.AddressUntil("+431", now) == later);
  CHECK(pace.AddressUntil("+431", later) == absl::InfinitePast());
  CHECK(pace.AddressUntil("+432", now) == absl::InfinitePast());
  CHECK_FALSE(pace.SimWaits(now));
  pace.Refused(ConsequenceOf(ErrorClass::kCampaignsFrozen), "+431", absl::Hours(1), now);
  CHECK(pace.BulkWaits(now));
  CHECK_FALSE(pace.SimWaits(now));
  pace.Refused(ConsequenceOf(ErrorClass::kSimUnauthorized), "+431", absl::Minutes(1), now);
  CHECK(pace.SimWaits(now));
  CHECK_FALSE(pace.SimWaits(now + absl::Minutes(1)));
  CHECK(pace.rate() == 0);
}

}  // namespace
}  // namespace mo::sims
