#include "services/sims/sim_limits.h"

#include <catch2/catch.hpp>

#include "libs/runtime/clock.h"
#include "libs/testing/clock.h"
#include "services/sims/test_states.h"

namespace mo::sims {
namespace {

TEST_CASE("A warm-up grows by the day and ends", "[warm-up]") {
  const absl::Time start = absl::FromUnixSeconds(1790000000);
  const WarmUp warm_up{50, 10, 3, start};
  CHECK(warm_up.RecipientsAt(start) == 50);
  CHECK(warm_up.RecipientsAt(start + absl::Hours(23)) == 50);
  CHECK(warm_up.NextDay(start + absl::Hours(23)) == start + absl::Hours(24));
  CHECK(warm_up.RecipientsAt(start + absl::Hours(24)) == 55);
  CHECK(warm_up.RecipientsAt(start + absl::Hours(48)) == 60);
  CHECK(warm_up.RecipientsAt(start + absl::Hours(72)) == 0);
  CHECK(warm_up.NextDay(start + absl::Hours(72)) == absl::InfiniteFuture());
  CHECK(WarmUp{}.RecipientsAt(start) == 0);
  CHECK(WarmUp{100000, 1000, 90, start}.RecipientsAt(start + absl::Hours(24 * 80)) == 1000000000);
}

TEST_CASE("Of warm-up and network the smaller number of recipients holds", "[warm-up]") {
  const absl::Time start = absl::FromUnixSeconds(1790000000);
  SimLimits limits;
  CHECK(limits.RecipientsAt(start) == 0);
  limits.recipients_per_day = 250;
  CHECK(limits.RecipientsAt(start) == 250);
  limits.warm_up = {50, 1000, 14, start};
  CHECK(limits.RecipientsAt(start) == 50);
  CHECK(limits.RecipientsAt(start + absl::Hours(24)) == 250);
  limits.recipients_per_day = 0;
  CHECK(limits.RecipientsAt(start + absl::Hours(24)) == 550);
}

TEST_CASE("A slow SIM sends at its share of the rate, also below one message a second",
          "[warm-up]") {
  SimLimits limits;
  CHECK(limits.Rate(0) == 0);
  CHECK(limits.Rate(80) == 80);
  limits.messages_per_second = 4;
  CHECK(limits.Rate(80) == 4);
  limits.speed = 0.125;
  CHECK(limits.Rate(80) == 0.5);
  CHECK(SimLimits::AsLimit(0.5).count == 1);
  CHECK(SimLimits::AsLimit(0.5).window == absl::Seconds(2));
  CHECK(SimLimits::AsLimit(40).count == 40);
  CHECK(SimLimits::AsLimit(40).window == absl::Seconds(1));
  CHECK(SimLimits::AsLimit(0).count == 0);
  limits.messages_per_second = 0;
  CHECK(limits.Rate(80) == 10);
  CHECK(limits.Rate(0) > 0);
}

TEST_CASE("A warm-up is set with defaults, keeps its beginning and can be taken away",
          "[warm-up]") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  StatesPool pool(std::move(options));
  CHECK_FALSE(pool.sim.has_warm_up());
  const auto set = [&](int32_t first_day) {
    v1::UpdateSimRequest request;
    request.mutable_sim()->set_id(pool.sim.id());
    request.mutable_sim()->mutable_warm_up()->set_first_day_recipients(first_day);
    request.mutable_update_mask()->add_paths("warm_up");
    return pool.sims.Call(&v1::SimService::Stub::UpdateSim, pool.caller, request);
  };
  const absl::Time begin = clock.Now();
  auto sim = set(0);
  REQUIRE(sim.ok());
  CHECK(sim->warm_up().first_day_recipients() == 50);
  CHECK(sim->warm_up().growth_percent() == 100);
  CHECK(sim->warm_up().days() == 14);
  CHECK(sim->warm_up().recipients_today() == 50);
  CHECK(FromProto(sim->warm_up().start_time()) == begin);
  clock.Advance(absl::Hours(25));
  CHECK(pool.Now().warm_up().recipients_today() == 100);
  sim = set(20);
  CHECK(sim->warm_up().recipients_today() == 40);
  CHECK(FromProto(sim->warm_up().start_time()) == begin);
  clock.Advance(absl::Hours(24 * 14));
  CHECK(pool.Now().warm_up().recipients_today() == 0);
  // Said again it does not begin anew; another one does.
  CHECK(set(20)->warm_up().recipients_today() == 0);
  CHECK(set(30)->warm_up().recipients_today() == 30);
  CHECK(FieldProblemsOf(set(-1).status()).at(0).field == "sim.warm_up.first_day_recipients");
  v1::UpdateSimRequest request;
  request.mutable_sim()->set_id(pool.sim.id());
  request.mutable_update_mask()->add_paths("warm_up");
  sim = pool.sims.Call(&v1::SimService::Stub::UpdateSim, pool.caller, request);
  REQUIRE(sim.ok());
  CHECK_FALSE(sim->has_warm_up());
}

}  // namespace
}  // namespace mo::sims
