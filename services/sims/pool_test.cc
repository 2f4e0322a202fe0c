#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using SimStub = v1::SimService::Stub;

v1::Sim Get(TestPool& pool, const std::string& id) {
  v1::GetSimRequest request;
  request.set_id(id);
  auto sim = pool.sims.Call(&SimStub::GetSim, pool.caller, request);
  REQUIRE(sim.ok());
  return *sim;
}

TEST_CASE("200 parallel allocations on a pool with room for 100 give exactly 100") {
  TestPool pool;
  const v1::Sim first = pool.AddSim("+4366400001", 60);
  const v1::Sim second = pool.AddSim("+4366400002", 40);
  std::atomic<int> placed{0}, full{0}, other{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        auto place = pool.Allocate(1 + t * 25 + i);
        if (place.ok()) {
          ++placed;
        } else if (ReasonOf(place.status()) == "SIM_POOL_FULL") {
          ++full;
        } else {
          ++other;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(placed == 100);
  CHECK(full == 100);
  CHECK(other == 0);
  CHECK(Get(pool, first.id()).occupancy() == 60);
  CHECK(Get(pool, second.id()).occupancy() == 40);
  auto occupancy = pool.sims.Call(&SimStub::GetOccupancy, pool.caller, v1::GetOccupancyRequest());
  CHECK(occupancy->capacity() == 100);
  CHECK(occupancy->occupancy() == 100);
}

TEST_CASE(
    "A contact keeps its SIM, also when it is allocated many times at once; a release makes room") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001", 1);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      auto place = pool.Allocate(7);
      if (!place.ok() || place->sim_id() != sim.id()) ++wrong;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(Get(pool, sim.id()).occupancy() == 1);
  CHECK(ReasonOf(pool.Allocate(8).status()) == "SIM_POOL_FULL");
  v1::ReleaseRequest release;
  release.set_contact_id(FormatId("con", 7));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(
        pool.allocations.Call(&v1::AllocationService::Stub::Release, pool.caller, release).ok());
  }
  CHECK(Get(pool, sim.id()).occupancy() == 0);
  CHECK(pool.Allocate(8).ok());
}

TEST_CASE(
    "New contacts go to the least filled active SIM; a draining one takes only those that wrote to "
    "it") {
  TestPool pool;
  const v1::Sim large = pool.AddSim("+4366400001", 100);
  const v1::Sim small = pool.AddSim("+4366400002", 10);
  std::map<std::string, int> placed;
  for (int i = 1; i <= 11; ++i) ++placed[pool.Allocate(i)->sim_id()];
  CHECK(placed[large.id()] == 10);
  CHECK(placed[small.id()] == 1);
  v1::DrainSimRequest drain;
  drain.set_id(large.id());
  CHECK(pool.sims.Call(&SimStub::DrainSim, pool.caller, drain)->state() == v1::SIM_STATE_DRAINING);
  CHECK(pool.Allocate(50)->sim_id() == small.id());
  CHECK(pool.Allocate(51, large.id())->sim_id() == large.id());
}

TEST_CASE("SIMs are checked, changed with an etag, and deleted only when empty") {
  TestPool pool;
  v1::CreateSimRequest bad;
  bad.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
  bad.mutable_sim()->set_address("0664 123");
  auto problems = FieldProblemsOf(pool.sims.Call(&SimStub::CreateSim, pool.caller, bad).status());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "sim.capacity");
  CHECK(problems[1].field == "sim.address");

  const v1::Sim sim = pool.AddSim("+4366400001", 5);
  v1::CreateSimRequest again;
  again.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
  again.mutable_sim()->set_address("+4366400001");
  again.mutable_sim()->set_capacity(5);
  CHECK(ReasonOf(pool.sims.Call(&SimStub::CreateSim, pool.caller, again).status()) ==
        "ADDRESS_TAKEN");

  v1::UpdateSimRequest update;
  update.mutable_sim()->set_id(sim.id());
  update.mutable_sim()->set_capacity(1);
  update.mutable_sim()->set_etag(sim.etag());
  auto changed = pool.sims.Call(&SimStub::UpdateSim, pool.caller, update);
  REQUIRE(changed.ok());
  CHECK(changed->capacity() == 1);
  CHECK(changed->etag() != sim.etag());
  CHECK(ReasonOf(pool.sims.Call(&SimStub::UpdateSim, pool.caller, update).status()) ==
        "ETAG_MISMATCH");
  update.mutable_update_mask()->add_paths("occupancy");
  CHECK(FieldProblemsOf(pool.sims.Call(&SimStub::UpdateSim, pool.caller, update).status())
            .at(0)
            .field == "update_mask");

  REQUIRE(pool.Allocate(1).ok());
  v1::DeleteSimRequest erase;
  erase.set_id(sim.id());
  CHECK(ReasonOf(pool.sims.Call(&SimStub::DeleteSim, pool.caller, erase).status()) == "SIM_IN_USE");
  v1::ReleaseRequest release;
  release.set_contact_id(FormatId("con", 1));
  REQUIRE(pool.allocations.Call(&v1::AllocationService::Stub::Release, pool.caller, release).ok());
  CHECK(pool.sims.Call(&SimStub::DeleteSim, pool.caller, erase).ok());
}

TEST_CASE("Another account's SIMs do not exist") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001", 5);
  v1::GetSimRequest request;
  request.set_id(sim.id());
  CHECK(ReasonOf(pool.sims.Call(&SimStub::GetSim, pool.env.caller(2), request).status()) ==
        "SIM_NOT_FOUND");
  auto dispatch = pool.Dispatch("k", sim.id(), v1::LANE_BULK, 1, 1);
  CHECK(ReasonOf(
            pool.dispatches.Call(&v1::DispatchService::Stub::Submit, pool.env.caller(2), dispatch)
                .status()) == "SIM_NOT_FOUND");
}

}  // namespace
}  // namespace mo::sims
