#include "services/sims/health.h"

#include <catch2/catch.hpp>

#include "services/sims/test_states.h"

namespace mo::sims {
namespace {

using HealthKinds = HealthEvent::Kind;
using Codes = std::vector<std::string>;

const absl::Time kToldAt = absl::FromUnixSeconds(1790000000);

// What a network tells of a pool's SIM; whether something has changed.
bool TellHealth(StatesPool& pool, HealthKinds kind, const std::string& name,
                const std::string& detail, int64_t value = 0) {
  return pool.System([&](storage::Transaction& tx) {
    return ApplyHealth(tx, pool.outbox, 1, IdOf(pool.sim.id()),
                       {kind, name, detail, value, kToldAt}, absl::Now());
  });
}

TEST_CASE("A block by the network, its end and lost credentials change the state, once each",
          "[health]") {
  StatesPool pool;
  CHECK(TellHealth(pool, HealthKinds::kBlocked, "account", "DISABLED_UPDATE DISABLE"));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kBlocked, "account", "DISABLED_UPDATE DISABLE"));
  CHECK(pool.Now().state() == v1::SIM_STATE_BLOCKED);
  CHECK(pool.Now().state_reason().code() == "BLOCKED");
  CHECK(pool.Now().state_reason().detail() == "account: DISABLED_UPDATE DISABLE");
  CHECK_FALSE(TellHealth(pool, HealthKinds::kUnauthorized, "token", "190"));
  CHECK(TellHealth(pool, HealthKinds::kUnblocked, "account", "DISABLED_UPDATE REINSTATE"));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kUnblocked, "account", "DISABLED_UPDATE REINSTATE"));
  CHECK(pool.Now().state() == v1::SIM_STATE_ACTIVE);
  CHECK(TellHealth(pool, HealthKinds::kUnauthorized, "token", "190"));
  CHECK(pool.Now().state() == v1::SIM_STATE_PAUSED);
  CHECK(pool.History() == Codes{"UNAUTHORIZED", "UNBLOCKED", "BLOCKED", "CREATED"});
}

TEST_CASE("An operator's pause is not ended by the network's word", "[health]") {
  StatesPool pool;
  REQUIRE(pool.Pause().ok());
  CHECK_FALSE(TellHealth(pool, HealthKinds::kUnblocked, "account", "REINSTATE"));
  CHECK(pool.Now().state() == v1::SIM_STATE_PAUSED);
}

TEST_CASE("A bad rating slows down, once each time that it becomes bad", "[health]") {
  StatesPool pool;
  CHECK(TellHealth(pool, HealthKinds::kQuality, "quality", "GREEN"));
  CHECK(pool.Now().quality().speed() == 1);
  CHECK(TellHealth(pool, HealthKinds::kQuality, "quality", "RED"));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kQuality, "quality", "RED"));
  CHECK(pool.Now().quality().network_rating() == "RED");
  CHECK(pool.Now().quality().speed() == 0.5);
  CHECK(pool.Now().state() == v1::SIM_STATE_ACTIVE);
  const auto entries = pool.Entries();
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].code() == "SLOWED_DOWN");
  CHECK(entries[0].speed() == 0.5);
  CHECK(entries[0].detail() == "the network rates it RED");
  CHECK(entries[1].code() == "RATING");
}

TEST_CASE("Warnings and limits are noted; a limit of recipients is kept to", "[health]") {
  StatesPool pool;
  const auto tier = [&] { return pool.Count("SELECT recipients_per_day FROM sims.sims"); };
  CHECK_FALSE(TellHealth(pool, HealthKinds::kWarning, "alert", "SPAM"));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kWarning, "alert", "SPAM"));
  CHECK(pool.History() == Codes{"WARNING", "CREATED"});
  CHECK(tier() == 0);
  CHECK(TellHealth(pool, HealthKinds::kLimits, "unique_recipients_per_day", "TIER_1K"));
  CHECK(tier() == 1000);
  CHECK(TellHealth(pool, HealthKinds::kLimits, "unique_recipients_per_day", "field", 250));
  CHECK(tier() == 250);
  CHECK_FALSE(TellHealth(pool, HealthKinds::kLimits, "messages_per_second", "UP", 1000));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kLimits, "unique_recipients_per_day", "WHATEVER"));
  CHECK(tier() == 250);
  CHECK(TellHealth(pool, HealthKinds::kLimits, "unique_recipients_per_day", "field", -1));
  CHECK(tier() == 0);
}

TEST_CASE("What is told of a SIM that is gone is no error", "[health]") {
  StatesPool pool;
  pool.Execute("DELETE FROM sims.sims");
  CHECK_FALSE(TellHealth(pool, HealthKinds::kBlocked, "account", "DISABLE"));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kQuality, "quality", "RED"));
  CHECK_FALSE(TellHealth(pool, HealthKinds::kWarning, "alert", "SPAM"));
}

TEST_CASE("Tiers by their names", "[health]") {
  CHECK(TierOf("TIER_50") == 50);
  CHECK(TierOf("TIER_250") == 250);
  CHECK(TierOf("TIER_100K") == 100000);
  CHECK(TierOf("TIER_UNLIMITED") == 0);
  CHECK_FALSE(TierOf("TIER_NOT_SET").has_value());
  CHECK_FALSE(TierOf("1K").has_value());
  CHECK_FALSE(TierOf("TIER_-1").has_value());
}

}  // namespace
}  // namespace mo::sims
