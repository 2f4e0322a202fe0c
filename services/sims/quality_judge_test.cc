#include "services/sims/quality_judge.h"

#include <catch2/catch.hpp>
#include <future>

#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/quality.h"
#include "services/sims/test_states.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

// A SIM whose messages end as a test says.
struct QualityPool {
  explicit QualityPool() : pool(Options(clock)) {
    // Its judgements are this test's.
    pool.Execute("DELETE FROM sims.judgements");
  }
  static AppOptions Options(testing::FakeClock& clock) {
    AppOptions options;
    options.clock = &clock;
    return options;
  }

  testing::FakeClock clock;
  StatesPool pool;
  Quality quality{clock, pool.database};
  LedgerCommit ledger{pool.env.app(), pool.database, pool.outbox, &quality};
  int dispatches = 0;

  // So many messages that are accepted, fail, are blocked; committed, and then counted.
  void Send(int accepted, int failed, int blocked) {
    const std::string key = absl::StrCat("d", dispatches++);
    const int count = accepted + failed + blocked;
    REQUIRE(pool.Submit(pool.Dispatch(key, pool.sim.id(), v1::LANE_BULK, 1, count)).ok());
    const int64_t dispatch = pool.Count("SELECT max(id) FROM sims.dispatches");
    LedgerWork work;
    work.account_id = 1;
    work.sim_id = IdOf(pool.sim.id());
    work.epoch = kNoLease;
    for (int i = 0; i < count; ++i) {
      Standing standing{common::DELIVERY_STATE_ACCEPTED, {}};
      if (i >= accepted)
        standing = {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_PROVIDER};
      if (i >= accepted + failed) standing.reason = common::DELIVERY_REASON_BLOCKED;
      work.transitions.push_back(
          {DeliveryKey(dispatch, i), {common::DELIVERY_STATE_ATTEMPTING, {}}});
      work.transitions.push_back({DeliveryKey(dispatch, i), standing});
    }
    std::promise<absl::Status> status;
    work.done = [&](const LedgerOutcome& outcome) { status.set_value(outcome.status); };
    REQUIRE(ledger.Add(std::move(work)));
    REQUIRE(status.get_future().get().ok());
    // Its own ledger tells, whatever the service's has counted meanwhile.
    WaitFor(
        [&] {
          REQUIRE(quality.Flush().ok());
          return pool.Count("SELECT count(*) FROM sims.judgements WHERE judge_time IS NOT NULL") ==
                 1;
        },
        "the counts");
  }
  // Lets the service judge what is due now.
  void Later(absl::Duration duration) {
    const absl::Time before = clock.Now();
    clock.Advance(duration);
    WaitFor(
        [&] {
          return pool.Count(absl::StrCat("SELECT count(*) FROM sims.judgements WHERE judge_time IS "
                                         "NULL OR judge_time > "
                                         "to_timestamp(",
                                         absl::ToUnixSeconds(before + duration), ")")) == 1;
        },
        "the judgement");
  }
};

TEST_CASE("What becomes of a SIM's messages is counted, shown and slows it down step by step",
          "[quality]") {
  QualityPool test;
  test.Send(600, 0, 4);
  test.Later(absl::Minutes(2));
  v1::SimQuality quality = test.pool.Now().quality();
  CHECK(quality.accepted() == 600);
  CHECK(quality.blocked() == 4);
  CHECK(quality.speed() == 1);
  CHECK(quality.score() == Approx(0.934).margin(0.001));
  test.Send(90, 40, 6);
  test.Later(absl::Minutes(2));
  quality = test.pool.Now().quality();
  CHECK(quality.accepted() == 690);
  CHECK(quality.failed() == 40);
  CHECK(quality.blocked() == 10);
  // Of 740 messages 1.4 % were blocked, 5 % failed: not bad enough. The next ones alone are.
  CHECK(quality.speed() == 1);
  test.Later(absl::Hours(1));
  test.Send(90, 40, 6);
  test.Later(absl::Minutes(2));
  CHECK(test.pool.Now().quality().speed() == 0.5);
  test.Send(90, 40, 6);
  test.Later(absl::Minutes(2));
  CHECK(test.pool.Now().quality().speed() == 0.25);
  // Judged by what came since: nothing more happens.
  test.Later(absl::Minutes(2));
  CHECK(test.pool.Now().quality().speed() == 0.25);
  CHECK(test.pool.Now().state() == v1::SIM_STATE_ACTIVE);
  const auto entries = test.pool.Entries();
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].code() == "SLOWED_DOWN");
  CHECK(entries[0].speed() == 0.25);
  CHECK(entries[0].detail() ==
        "of 136 messages 4.4 % were refused by recipients who have blocked the SIM, 29.4 % failed");
  CHECK(entries[1].speed() == 0.5);
}

TEST_CASE("A slow SIM with good results is fast again, and after a day nothing is left to judge",
          "[quality]") {
  QualityPool test;
  test.pool.Execute("UPDATE sims.sims SET speed = 0.25");
  test.Send(100, 0, 0);
  test.Later(absl::Minutes(2));
  CHECK(test.pool.Now().quality().speed() == 0.25);
  test.Later(absl::Minutes(20));
  CHECK(test.pool.Now().quality().speed() == 0.5);
  test.Later(absl::Hours(1));
  CHECK(test.pool.Now().quality().speed() == 0.5);  // nothing was sent since
  test.Later(absl::Hours(6));
  CHECK(test.pool.Now().quality().speed() == 1);
  CHECK(test.pool.History() == std::vector<std::string>{"SPED_UP", "SPED_UP", "CREATED"});
  test.Later(absl::Hours(24));
  CHECK(test.pool.Now().quality().accepted() == 0);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.judgements WHERE judge_time IS NULL") == 1);
}

TEST_CASE("A SIM that many have blocked is paused, and resumed with a clean sheet", "[quality]") {
  QualityPool test;
  test.Send(100, 0, 20);
  test.Later(absl::Minutes(2));
  v1::Sim sim = test.pool.Now();
  CHECK(sim.state() == v1::SIM_STATE_PAUSED);
  CHECK(sim.state_reason().code() == "QUALITY");
  CHECK(sim.state_reason().detail() ==
        "of 120 messages 16.7 % were refused by recipients who have blocked the SIM, 0.0 % failed");
  CHECK(sim.quality().score() == 0);
  CHECK(test.pool.Events().back().code() == "QUALITY");
  // What comes in while it is paused does not count when it goes on.
  test.Send(0, 0, 50);
  REQUIRE(test.pool.Resume().ok());
  test.Later(absl::Minutes(2));
  CHECK(test.pool.Now().state() == v1::SIM_STATE_ACTIVE);
}

TEST_CASE("Statistics that cannot be written wait; a deleted SIM's are dropped", "[quality]") {
  QualityPool test;
  test.quality.Add({{{1, IdOf(test.pool.sim.id())}, {5, 1, 0, 2}}, {{1, 12345}, {7, 0, 0, 0}}});
  test.pool.Execute("ALTER TABLE sims.quality RENAME TO quality_away");
  CHECK_FALSE(test.quality.Flush().ok());
  test.pool.Execute("ALTER TABLE sims.quality_away RENAME TO quality");
  test.quality.Add({{{1, IdOf(test.pool.sim.id())}, {1, 0, 0, 0}}});
  REQUIRE(test.quality.Flush().ok());
  CHECK(test.pool.Count("SELECT sum(accepted)::bigint FROM sims.quality") == 6);
  CHECK(test.pool.Count("SELECT sum(refused)::bigint FROM sims.quality") == 2);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.quality") == 1);
  test.clock.Advance(kQualityRetention + absl::Hours(2));
  test.pool.System([&](storage::Transaction& tx) {
    return ForgetQuality(tx, test.clock.Now() - kQualityRetention);
  });
  CHECK(test.pool.Count("SELECT count(*) FROM sims.quality") == 0);
}

}  // namespace
}  // namespace mo::sims
