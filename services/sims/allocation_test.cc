#include "services/sims/allocation.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using PoolStub = v1::SimService::Stub;

// The pool with settings.
struct StrategyPool : TestPool {
  absl::StatusOr<v1::PoolSettings> Set(common::Network network, v1::AllocationStrategy strategy) {
    v1::UpdatePoolSettingsRequest request;
    auto* each = request.mutable_settings()->add_strategies();
    each->set_network(network);
    each->set_strategy(strategy);
    return sims.Call(&PoolStub::UpdatePoolSettings, caller, request);
  }
  v1::PoolSettings Settings() {
    return *sims.Call(&PoolStub::GetPoolSettings, caller, v1::GetPoolSettingsRequest());
  }
  std::string PlaceOf(int64_t contact, const std::string& phone) {
    v1::AllocateRequest request;
    request.set_contact_id(FormatId("con", contact));
    request.set_network(common::NETWORK_WHATSAPP);
    request.set_phone(phone);
    const auto place = allocations.Call(&v1::AllocationService::Stub::Allocate, caller, request);
    REQUIRE(place.ok());
    return place->address();
  }
};

TEST_CASE("The settings of the pool are changed field by field, each account's own", "[pool]") {
  StrategyPool pool;
  CHECK(pool.Settings().strategies().empty());
  CHECK_FALSE(pool.Settings().rehome_blocked());
  REQUIRE(pool.Set(common::NETWORK_SMS, v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX).ok());
  v1::UpdatePoolSettingsRequest request;
  request.mutable_settings()->set_rehome_blocked(true);
  request.mutable_settings()->mutable_rehome_notice()->mutable_text()->set_body(
      "{{name}}, I am at {{sim.address}} now");
  REQUIRE(pool.sims.Call(&PoolStub::UpdatePoolSettings, pool.caller, request).ok());
  const v1::PoolSettings settings = pool.Settings();
  REQUIRE(settings.strategies_size() == 1);
  CHECK(settings.strategies(0).network() == common::NETWORK_SMS);
  CHECK(settings.strategies(0).strategy() == v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX);
  CHECK(settings.rehome_blocked());
  CHECK(settings.rehome_notice().text().body() == "{{name}}, I am at {{sim.address}} now");
  CHECK_FALSE(
      pool.sims.Call(&PoolStub::GetPoolSettings, pool.env.caller(2), v1::GetPoolSettingsRequest())
          ->rehome_blocked());
  request.Clear();
  request.mutable_settings();
  request.mutable_update_mask()->add_paths("rehome_notice");
  request.mutable_update_mask()->add_paths("strategies");
  REQUIRE(pool.sims.Call(&PoolStub::UpdatePoolSettings, pool.caller, request).ok());
  CHECK_FALSE(pool.Settings().has_rehome_notice());
  CHECK(pool.Settings().strategies().empty());
  CHECK(pool.Settings().rehome_blocked());
}

TEST_CASE("A network has one strategy", "[pool]") {
  StrategyPool pool;
  v1::UpdatePoolSettingsRequest request;
  for (int i = 0; i < 2; ++i) {
    auto* each = request.mutable_settings()->add_strategies();
    each->set_network(common::NETWORK_SMS);
    each->set_strategy(v1::ALLOCATION_STRATEGY_NEWEST_LAST);
  }
  const auto problems =
      FieldProblemsOf(pool.sims.Call(&PoolStub::UpdatePoolSettings, pool.caller, request).status());
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "settings.strategies[1].network");
}

TEST_CASE("Newest last: a newer SIM is used when the older ones are full", "[pool]") {
  StrategyPool pool;
  pool.AddSim("+4366400001", 2);
  pool.AddSim("+4366400002", 100);
  REQUIRE(pool.Set(common::NETWORK_WHATSAPP, v1::ALLOCATION_STRATEGY_NEWEST_LAST).ok());
  std::map<std::string, int> placed;
  for (int i = 1; i <= 5; ++i) ++placed[pool.PlaceOf(i, "")];
  CHECK(placed["+4366400001"] == 2);
  CHECK(placed["+4366400002"] == 3);
}

TEST_CASE("By country: the number with the longest beginning in common, the calling code at least",
          "[pool]") {
  StrategyPool pool;
  pool.AddSim("+4366400001", 100);
  pool.AddSim("+43699000001", 100);
  pool.AddSim("+4915100001", 100);
  pool.AddSim("+420601000001", 100);
  REQUIRE(pool.Set(common::NETWORK_WHATSAPP, v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX).ok());
  CHECK(pool.PlaceOf(1, "+436991234567") == "+43699000001");
  CHECK(pool.PlaceOf(2, "+4366412345") == "+4366400001");
  CHECK(pool.PlaceOf(3, "+4917012345") == "+4915100001");
  CHECK(pool.PlaceOf(4, "+42077712345") == "+420601000001");
  // Slovakia (421) is not the Czech Republic (420), Lithuania (370) is nobody's: the least filled.
  for (int i = 10; i < 14; ++i) pool.PlaceOf(i, "");
  CHECK(pool.PlaceOf(20, "+42190512345") != "");
  std::map<std::string, int> placed;
  for (int i = 30; i < 50; ++i) ++placed[pool.PlaceOf(i, i % 2 == 0 ? "+42190512345" : "")];
  CHECK(placed.size() == 4);
  CHECK(placed["+420601000001"] <= 6);
}

TEST_CASE(
    "By country, an emptier SIM of the same beginning first, and another one when all are full",
    "[pool]") {
  StrategyPool pool;
  pool.AddSim("+4366400001", 2);
  pool.AddSim("+4366400002", 2);
  pool.AddSim("+12025550001", 100);
  REQUIRE(pool.Set(common::NETWORK_WHATSAPP, v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX).ok());
  std::map<std::string, int> placed;
  for (int i = 1; i <= 5; ++i) ++placed[pool.PlaceOf(i, "+4366499999")];
  CHECK(placed["+4366400001"] == 2);
  CHECK(placed["+4366400002"] == 2);
  CHECK(placed["+12025550001"] == 1);
  // Sticky, whatever its phone is now.
  CHECK(pool.PlaceOf(1, "+12025559999").substr(0, 3) == "+43");
}

TEST_CASE("No strategy fills a SIM over its capacity, however many ask at once", "[pool]") {
  const auto strategy =
      GENERATE(v1::ALLOCATION_STRATEGY_NEWEST_LAST, v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX);
  StrategyPool pool;
  pool.AddSim("+4366400001", 30);
  pool.AddSim("+4366400002", 20);
  REQUIRE(pool.Set(common::NETWORK_WHATSAPP, strategy).ok());
  std::atomic<int> placed{0}, full{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        v1::AllocateRequest request;
        request.set_contact_id(FormatId("con", 1 + t * 10 + i));
        request.set_network(common::NETWORK_WHATSAPP);
        request.set_phone("+4366412345");
        const auto place =
            pool.allocations.Call(&v1::AllocationService::Stub::Allocate, pool.caller, request);
        ++(place.ok() ? placed : full);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(placed == 50);
  CHECK(full == 30);
  CHECK(pool.Count("SELECT count(*) FROM sims.sims WHERE occupancy = capacity") == 2);
}

}  // namespace
}  // namespace mo::sims
