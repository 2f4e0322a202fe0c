#include "services/sims/sim_states.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "services/sims/sim_history.h"
#include "services/sims/test_states.h"

namespace mo::sims {
namespace {

TEST_CASE("An operator pauses, drains and resumes; each step has a reason, an event and a history",
          "[states]") {
  StatesPool pool;
  CHECK(pool.sim.state_reason().code() == "CREATED");
  const auto paused = pool.Pause();
  REQUIRE(paused.ok());
  CHECK(paused->state() == v1::SIM_STATE_PAUSED);
  CHECK(paused->state_reason().code() == "OPERATOR");
  CHECK(paused->state_reason().has_time());
  CHECK(paused->etag() != pool.sim.etag());
  // Again: nothing happens.
  CHECK(pool.Pause()->etag() == paused->etag());
  CHECK(pool.Drain()->state() == v1::SIM_STATE_DRAINING);
  CHECK(pool.Resume()->state() == v1::SIM_STATE_ACTIVE);

  const auto entries = pool.Entries();
  REQUIRE(entries.size() == 4);
  CHECK(pool.History() == std::vector<std::string>{"OPERATOR", "OPERATOR", "OPERATOR", "CREATED"});
  CHECK(entries[0].state() == v1::SIM_STATE_ACTIVE);
  CHECK(entries[1].state() == v1::SIM_STATE_DRAINING);
  CHECK(entries[2].state() == v1::SIM_STATE_PAUSED);
  CHECK(entries[0].speed() == 1);
  CHECK_FALSE(entries[0].actor().empty());
  CHECK(entries[0].actor().find("key:") == std::string::npos);

  const auto events = pool.Events();
  REQUIRE(events.size() == 4);
  CHECK(events[1].previous_state() == v1::SIM_STATE_ACTIVE);
  CHECK(events[1].state() == v1::SIM_STATE_PAUSED);
  CHECK(events[1].code() == "OPERATOR");
  CHECK(events[2].previous_state() == v1::SIM_STATE_PAUSED);
  CHECK(events[3].previous_state() == v1::SIM_STATE_DRAINING);
}

TEST_CASE("Nobody but the network, or whoever resumes it, takes a SIM out of a block", "[states]") {
  StatesPool pool;
  REQUIRE(pool.Change(v1::SIM_STATE_BLOCKED, StateActor::kNetwork, "BLOCKED"));
  CHECK_FALSE(pool.Change(v1::SIM_STATE_BLOCKED, StateActor::kNetwork, "BLOCKED"));
  CHECK(pool.Now().state_reason().detail() == "words");
  const auto paused = pool.Pause();
  CHECK(paused.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(paused.status()) == "SIM_STATE_INVALID");
  CHECK(ReasonOf(pool.Drain().status()) == "SIM_STATE_INVALID");
  CHECK_FALSE(pool.Change(v1::SIM_STATE_PAUSED, StateActor::kQuality, "QUALITY"));
  CHECK(pool.Now().state() == v1::SIM_STATE_BLOCKED);
  CHECK(pool.History() == std::vector<std::string>{"BLOCKED", "CREATED"});
  CHECK(pool.Resume()->state() == v1::SIM_STATE_ACTIVE);
}

TEST_CASE("A block that is lifted leaves the SIM as it was before", "[states]") {
  StatesPool pool;
  const auto lift = [&] {
    return pool.System([&](storage::Transaction& tx) {
      return LiftBlock(tx, pool.outbox, 1, IdOf(pool.sim.id()), "over", absl::Now());
    });
  };
  CHECK_FALSE(lift());
  REQUIRE(pool.Pause().ok());
  REQUIRE(pool.Change(v1::SIM_STATE_BLOCKED, StateActor::kNetwork, "BLOCKED"));
  CHECK(lift());
  CHECK(pool.Now().state() == v1::SIM_STATE_PAUSED);
  CHECK(pool.Now().state_reason().code() == "UNBLOCKED");
  REQUIRE(pool.Resume().ok());
  REQUIRE(pool.Change(v1::SIM_STATE_BLOCKED, StateActor::kNetwork, "BLOCKED"));
  CHECK(lift());
  CHECK(pool.Now().state() == v1::SIM_STATE_ACTIVE);
}

TEST_CASE("Whoever may take a SIM where", "[states]") {
  const v1::SimState states[] = {v1::SIM_STATE_ACTIVE, v1::SIM_STATE_DRAINING, v1::SIM_STATE_PAUSED,
                                 v1::SIM_STATE_BLOCKED};
  int allowed = 0;
  for (const v1::SimState from : states) {
    CHECK_FALSE(MayChange(from, from, StateActor::kOperator));
    for (const v1::SimState to : states) {
      for (const StateActor by :
           {StateActor::kOperator, StateActor::kNetwork, StateActor::kLift, StateActor::kQuality}) {
        allowed += MayChange(from, to, by) ? 1 : 0;
      }
      // We ourselves only pause, and only what sends; operators never block.
      if (to != v1::SIM_STATE_PAUSED) CHECK_FALSE(MayChange(from, to, StateActor::kQuality));
      if (!Sends(from)) CHECK_FALSE(MayChange(from, to, StateActor::kQuality));
      if (to == v1::SIM_STATE_BLOCKED) CHECK_FALSE(MayChange(from, to, StateActor::kOperator));
    }
  }
  CHECK(allowed == 17);
}

TEST_CASE("A SIM's history is read page by page, and ends after 90 days", "[states]") {
  StatesPool pool;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pool.Pause().ok());
    REQUIRE(pool.Resume().ok());
  }
  v1::ListSimHistoryRequest request;
  request.set_id(pool.sim.id());
  request.set_page_size(3);
  std::vector<int> states;
  int pages = 0;
  do {
    const auto page = pool.sims.Call(&v1::SimService::Stub::ListSimHistory, pool.caller, request);
    REQUIRE(page.ok());
    for (const auto& entry : page->entries()) states.push_back(entry.state());
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  CHECK(pages == 3);
  CHECK(states == std::vector<int>{1, 3, 1, 3, 1, 3, 1});
  CHECK(ReasonOf(pool.sims.Call(&v1::SimService::Stub::ListSimHistory, pool.env.caller(2), request)
                     .status()) == "SIM_NOT_FOUND");
  pool.Execute(
      "UPDATE sims.history SET time = now() - interval '91 days' WHERE id <= (SELECT min(id) + 1 "
      "FROM sims.history)");
  CHECK_FALSE(pool.System(
      [](storage::Transaction& tx) { return ForgetHistory(tx, absl::Now() - kHistoryRetention); }));
  CHECK(pool.History().size() == 5);
}

}  // namespace
}  // namespace mo::sims
