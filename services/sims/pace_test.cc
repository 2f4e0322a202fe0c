#include "services/sims/pace.h"

#include <catch2/catch.hpp>

namespace mo::sims {
namespace {

const Consequence& Throttled() { return ConsequenceOf(ErrorClass::kThrottled); }

TEST_CASE("The rate converges below the provider's, with few refusals", "[pace]") {
  for (const double owner : {0.0, 200.0, 1000.0}) {
    INFO(owner);
    Pace pace;
    pace.SetLimit(owner);
    absl::Time now = absl::FromUnixSeconds(1800000000);
    double tokens = 0;
    int sent = 0, refused = 0, second_taken = 0;
    for (int ms = 0; ms < 60000; ++ms, now += absl::Milliseconds(1)) {
      pace.Tick(now);
      if (ms % 1000 == 0) second_taken = 0;
      const double rate = pace.rate() == 0 ? 500 : pace.rate();
      if (pace.SimWaits(now)) continue;
      tokens += rate / 1000;
      // The provider takes 80 a second.
      for (; tokens >= 1; tokens -= 1) {
        const bool taken = second_taken < 80;
        second_taken += taken;
        if (ms >= 10000) {
          ++sent;
          refused += !taken;
        }
        if (taken) {
          pace.Accepted(now);
        } else {
          pace.Refused(Throttled(), "", absl::Milliseconds(500), now);
        }
      }
    }
    CHECK(sent > 50 * 80 * 0.7);
    CHECK(refused < sent / 100);
  }
}

TEST_CASE("A provider that refuses at random does not bring the rate down to nothing", "[pace]") {
  Pace pace;
  pace.SetLimit(100);
  absl::Time now = absl::FromUnixSeconds(1800000000);
  double tokens = 0;
  int sent = 0;
  for (int ms = 0; ms < 60000; ++ms, now += absl::Milliseconds(1)) {
    pace.Tick(now);
    if (pace.SimWaits(now)) continue;
    for (tokens += pace.rate() / 1000; tokens >= 1; tokens -= 1) {
      if (++sent % 10 < 3) {
        pace.Refused(Throttled(), "", absl::Milliseconds(5), now);
      } else {
        pace.Accepted(now);
      }
    }
  }
  CHECK(sent > 60 * 15);
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
