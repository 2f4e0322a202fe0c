// The contacts of a lost SIM get others.
#include "services/sims/rehoming.h"

#include <catch2/catch.hpp>
#include <thread>

#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using testing::WaitFor;
using RehomeStub = v1::SimService::Stub;

// A pool whose clock is the test's.
struct RehomePool {
  RehomePool() {
    AppOptions options;
    options.clock = &clock;
    pool.emplace(std::move(options));
  }
  absl::Status Rehome(const std::string& sim) {
    v1::RehomeSimRequest request;
    request.set_id(sim);
    return pool->sims.Call(&RehomeStub::RehomeSim, pool->caller, request).status();
  }
  void Pause(const std::string& sim) {
    v1::PauseSimRequest request;
    request.set_id(sim);
    REQUIRE(pool->sims.Call(&RehomeStub::PauseSim, pool->caller, request).ok());
  }
  int64_t Occupancy(const v1::Sim& sim) {
    v1::GetSimRequest request;
    request.set_id(sim.id());
    return pool->sims.Call(&RehomeStub::GetSim, pool->caller, request)->occupancy();
  }
  // How many contacts each SIM's count is off by, over all SIMs.
  int64_t Miscounted() {
    return pool->Count(
        "SELECT coalesce(sum(abs(occupancy - (SELECT count(*) FROM sims.allocations a WHERE "
        "a.sim_id = s.id))), 0)::bigint FROM sims.sims s");
  }
  int64_t Events() {
    return pool->Count(
        "SELECT count(*) FROM sims.outbox WHERE position('ContactRehomed'::bytea IN "
        "envelope) > 0");
  }
  void Fill(const v1::Sim& sim, int64_t contacts) {
    pool->Execute(absl::StrCat("INSERT INTO sims.allocations SELECT 1, n, ", IdOf(sim.id()),
                               ", '2026-01-01' FROM generate_series(1, ", contacts,
                               ") AS n; UPDATE sims.sims SET occupancy = ", contacts,
                               " WHERE id = ", IdOf(sim.id())));
  }

  testing::FakeClock clock;
  std::optional<TestPool> pool;
};

TEST_CASE("A lost SIM's contacts move where there is room, and the rest when there is some",
          "[rehome]") {
  RehomePool test;
  TestPool& pool = *test.pool;
  const v1::Sim lost = pool.AddSim("+4366400001");
  for (int64_t contact = 1; contact <= 100; ++contact) REQUIRE(pool.Allocate(contact).ok());
  const v1::Sim small = pool.AddSim("+4366400002", 30);
  const v1::Sim large = pool.AddSim("+4366400003", 40);
  test.Pause(lost.id());
  REQUIRE(test.Rehome(lost.id()).ok());
  REQUIRE(test.Rehome(lost.id()).ok());  // again: the same
  WaitFor([&] { return test.Occupancy(lost) == 30; }, "those that find room");
  CHECK(test.Occupancy(small) == 30);
  CHECK(test.Occupancy(large) == 40);
  CHECK(test.Miscounted() == 0);
  CHECK(test.Events() == 70);
  // Where it is now is what counts from then on.
  const auto place = pool.Allocate(1);
  REQUIRE(place.ok());
  CHECK(place->sim_id() != lost.id());

  const v1::Sim fresh = pool.AddSim("+4366400004", 1000);
  test.clock.Advance(absl::Seconds(31));
  WaitFor([&] { return test.Occupancy(lost) == 0; }, "the others");
  CHECK(test.Occupancy(fresh) == 30);
  CHECK(test.Events() == 100);
  WaitFor([&] { return pool.Count("SELECT count(*) FROM sims.rehomings") == 0; }, "the end");
  CHECK(pool.Count("SELECT count(*) FROM sims.history WHERE code = 'REHOMED' AND detail LIKE '100 "
                   "%'") == 1);
}

TEST_CASE("Who may not be re-homed", "[rehome]") {
  RehomePool test;
  const v1::Sim active = test.pool->AddSim("+4366400001");
  CHECK(ReasonOf(test.Rehome(active.id())) == "SIM_ACTIVE");
  CHECK(ReasonOf(test.Rehome("sim_0000000000001")) == "SIM_NOT_FOUND");
  v1::CreateSimRequest request;
  request.mutable_sim()->set_network(common::NETWORK_TELEGRAM);
  request.mutable_sim()->set_address("news_bot");
  request.mutable_sim()->set_capacity(10);
  const auto bot = test.pool->sims.Call(&RehomeStub::CreateSim, test.pool->caller, request);
  REQUIRE(bot.ok());
  test.Pause(bot->id());
  CHECK(ReasonOf(test.Rehome(bot->id())) == "ADDRESS_BOUND");
}

TEST_CASE("Contacts of a blocked SIM move by themselves where the account wants that", "[rehome]") {
  RehomePool test;
  TestPool& pool = *test.pool;
  const v1::Sim lost = pool.AddSim("+4366400001");
  for (int64_t contact = 1; contact <= 10; ++contact) REQUIRE(pool.Allocate(contact).ok());
  const v1::Sim other = pool.AddSim("+4366400002");
  v1::UpdatePoolSettingsRequest request;
  request.mutable_settings()->set_rehome_blocked(true);
  request.mutable_settings()->mutable_rehome_notice()->mutable_text()->set_body("{{sim.address}}");
  REQUIRE(pool.sims.Call(&RehomeStub::UpdatePoolSettings, pool.caller, request).ok());
  pool.Execute(absl::StrCat("UPDATE sims.sims SET state = 4 WHERE id = ", IdOf(lost.id())));
  WaitFor([&] { return test.Occupancy(other) == 10; }, "the contacts");
  CHECK(test.Occupancy(lost) == 0);
  CHECK(test.Miscounted() == 0);
}

TEST_CASE("A SIM that works again keeps whoever is left", "[rehome]") {
  RehomePool test;
  TestPool& pool = *test.pool;
  const v1::Sim lost = pool.AddSim("+4366400001");
  for (int64_t contact = 1; contact <= 10; ++contact) REQUIRE(pool.Allocate(contact).ok());
  test.Pause(lost.id());
  REQUIRE(test.Rehome(lost.id()).ok());  // nobody has room
  v1::ResumeSimRequest resume;
  resume.set_id(lost.id());
  REQUIRE(pool.sims.Call(&RehomeStub::ResumeSim, pool.caller, resume).ok());
  const v1::Sim other = pool.AddSim("+4366400002");
  WaitFor(
      [&] {
        test.clock.Advance(absl::Seconds(31));
        return pool.Count("SELECT count(*) FROM sims.rehomings") == 0;
      },
      "the end");
  CHECK(test.Occupancy(lost) == 10);
  CHECK(test.Occupancy(other) == 0);
}

TEST_CASE("Pages by several processes at once, with others coming and going, count right",
          "[rehome]") {
  RehomePool test;
  TestPool& pool = *test.pool;
  const v1::Sim lost = pool.AddSim("+4366400001", 3000);
  test.Fill(lost, 2600);
  std::vector<v1::Sim> others;
  for (int i = 2; i <= 4; ++i) others.push_back(pool.AddSim(absl::StrCat("+436640000", i), 900));
  test.Pause(lost.id());
  REQUIRE(test.Rehome(lost.id()).ok());
  // Two more that do the same as the pool's own worker.
  App second(pool.env.app().options());
  storage::Database database({pool.env.postgres().url(), "postgres", "", "sims", 4},
                             second.metrics());
  events::Outbox& outbox = events::InstallOutbox(second, database);
  Rehoming rehoming(second, database, outbox);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int run = 0; run < 20; ++run) (void)rehoming.RunOnce();
    });
  }
  // As contacts does: until it is done.
  threads.emplace_back([&] {
    for (int64_t contact = 1; contact <= 60; ++contact) {
      v1::ReleaseRequest release;
      release.set_contact_id(FormatId("con", contact * 40));
      WaitFor(
          [&] {
            return pool.allocations
                .Call(&v1::AllocationService::Stub::Release, pool.caller, release)
                .ok();
          },
          "a release");
      WaitFor([&] { return pool.Allocate(10000 + contact).ok(); }, "a place");
    }
  });
  for (std::thread& thread : threads) thread.join();
  WaitFor([&] { return test.Occupancy(lost) == 0; }, "all to be moved");
  CHECK(test.Miscounted() == 0);
  CHECK(pool.Count("SELECT count(*) FROM sims.sims WHERE occupancy > capacity") == 0);
  CHECK(pool.Count("SELECT count(*) FROM sims.allocations") == 2600);
  // Each contact at most once: there was nowhere to go to twice.
  CHECK(pool.Count(
            "SELECT count(*) - count(DISTINCT substring(envelope FROM position('con_'::bytea IN "
            "envelope) FOR 17)) FROM sims.outbox WHERE position('ContactRehomed'::bytea IN "
            "envelope) > 0") == 0);
}

TEST_CASE("What waits at a SIM that is deleted ends", "[rehome]") {
  RehomePool test;
  TestPool& pool = *test.pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 300)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("d2", sim.id(), v1::LANE_INTERACTIVE, 1, 1)).ok());
  pool.Execute(
      "UPDATE sims.dispatch_states SET status = overlay(status PLACING '\\x20'::bytea FROM 1 FOR "
      "1) WHERE length(status) = 300");  // one may have left
  v1::DeleteSimRequest request;
  request.set_id(sim.id());
  REQUIRE(pool.sims.Call(&RehomeStub::DeleteSim, pool.caller, request).ok());
  WaitFor([&] { return pool.Counts("d1").skipped() == 299 && pool.Counts("d2").skipped() == 1; },
          "the end");
  CHECK(pool.Counts("d1").uncertain() == 1);
  CHECK(pool.Counts("d1").reasons(0).reason() == common::DELIVERY_REASON_NO_SIM);
  test.clock.Advance(absl::Minutes(2));
  WaitFor([&] { return pool.Count("SELECT count(*) FROM sims.deleted_sims") == 0; },
          "it to be forgotten");
}

TEST_CASE("Each strategy chooses its way", "[rehome]") {
  const absl::Time start = absl::FromUnixSeconds(1000);
  const auto home = [&](int64_t id, const char* address, int64_t capacity, int64_t occupancy) {
    Home made;
    made.id = id;
    made.address = address;
    made.capacity = capacity;
    made.occupancy = occupancy;
    made.create_time = start + absl::Seconds(id);
    return made;
  };
  const Home lost = home(9, "+436641112222", 100, 100);
  const std::vector<Home> homes = {home(1, "+436641119999", 10, 10),
                                   home(2, "+436642000000", 10, 5), home(3, "+436700000000", 10, 4),
                                   home(4, "+491701112222", 10, 1), lost};
  const auto id = [&](v1::AllocationStrategy strategy) {
    const int chosen = ChooseHome(homes, lost, strategy);
    return chosen < 0 ? 0 : homes[static_cast<size_t>(chosen)].id;
  };
  CHECK(id(v1::ALLOCATION_STRATEGY_LEAST_FILLED) == 4);
  CHECK(id(v1::ALLOCATION_STRATEGY_NEWEST_LAST) == 2);
  CHECK(id(v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX) == 2);
  CHECK(ChooseHome({homes[0], lost}, lost, v1::ALLOCATION_STRATEGY_LEAST_FILLED) == -1);
}

}  // namespace
}  // namespace mo::sims
