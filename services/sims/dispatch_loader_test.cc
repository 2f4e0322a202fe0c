#include "services/sims/dispatch_loader.h"

#include <catch2/catch.hpp>
#include <future>

#include "libs/testing/wait.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/sim_session.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

// A session that sends nothing.
class Listener : public SimSession {
 public:
  Listener(Gateway& gateway, int64_t account_id, const std::string& sim) : SimSession(gateway) {
    account_id_ = account_id;
    sim_id_ = IdOf(sim);
  }
  void Tick(absl::Time) override {}
  absl::StatusOr<v1::JoinOutcome> JoinGroup(const std::string&, absl::Duration) override {
    return absl::UnimplementedError("no groups");
  }
  absl::Status LeaveGroup(const std::string&, absl::Duration) override {
    return absl::UnimplementedError("no groups");
  }
  absl::Duration lease_time() const override { return kLeaseTime; }
  // The dispatches that it was given, oldest first.
  std::vector<int64_t> Known() {
    std::lock_guard lock(mutex_);
    std::vector<int64_t> known = sender_.Known();
    std::sort(known.begin(), known.end());
    return known;
  }

 private:
  bool OpenLocked() const override { return true; }
  May MayLocked(absl::Time) override { return May::kNothing; }
  void SendLocked(const std::shared_ptr<LoadedDispatch>&, const std::vector<int>&) override {}
  void EndLocked(const absl::Status&) override {}
};

// SIMs, and a gateway beside the service's that does not load before it is let.
struct TestLoader {
  TestPool pool;
  storage::Database database{
      {pool.env.app().options().database_url, pool.env.app().options().migration_user, "", "sims"},
      pool.env.app().metrics()};
  events::Outbox outbox{pool.env.app(), database, {}};
  LedgerCommit ledger{pool.env.app(), database, outbox};
  Gateway gateway{pool.env.app(), database, outbox, ledger};
  std::promise<void> let;
  std::vector<std::future<void>> busy;

  TestLoader() {
    auto free = std::make_shared<std::shared_future<void>>(let.get_future());
    for (int thread = 0; thread < 2; ++thread) {
      auto taken = std::make_shared<std::promise<void>>();
      busy.push_back(taken->get_future());
      REQUIRE(gateway.PostBulk(0, [free, taken] {
        taken->set_value();
        free->wait();
      }));
    }
    for (auto& thread : busy) thread.wait();
  }
  std::shared_ptr<Listener> Listen(const std::string& sim) {
    auto session = std::make_shared<Listener>(gateway, 1, sim);
    session->Wake(v1::LANE_BULK);
    return session;
  }
  // The dispatch's number.
  int64_t Submit(const std::string& key, const std::string& sim) {
    REQUIRE(pool.Submit(pool.Dispatch(key, sim, v1::LANE_BULK, 1, 3)).ok());
    return pool.Count("SELECT max(id) FROM sims.dispatches");
  }
  double Queries() {
    return pool.env.app().metrics().Counter("mo_sims_loads_total", "", {{"lane", "bulk"}}).Value();
  }
};

TEST_CASE("SIMs that ask before a thread has time share queries, and each gets what is its own") {
  TestLoader test;
  constexpr int kSims = 40;
  std::vector<std::shared_ptr<Listener>> sessions;
  std::vector<std::vector<int64_t>> expected;
  for (int i = 0; i < kSims; ++i) {
    const std::string sim = test.pool.AddSim(absl::StrCat("+43664", 1000 + i)).id();
    expected.emplace_back();
    // One has more than is loaded at a time, some have nothing.
    for (int n = 0; n < (i == 0 ? 4 : i % 3); ++n)
      expected.back().push_back(test.Submit(absl::StrCat("d", i, "/", n), sim));
    if (i == 0) expected.back().pop_back();
    sessions.push_back(test.Listen(sim));
  }
  const double before = test.Queries();
  test.let.set_value();
  for (int i = 0; i < kSims; ++i) {
    const auto at = static_cast<size_t>(i);
    testing::WaitFor([&] { return sessions[at]->Known() == expected[at]; }, "its dispatches");
  }
  // 32 SIMs and the others.
  test.gateway.Stop();
  CHECK(test.Queries() - before == 2);
}

TEST_CASE("A SIM that is taken over while it asks is loaded for its new session, too") {
  TestLoader test;
  const std::string sim = test.pool.AddSim("+4366400001").id();
  const int64_t dispatch = test.Submit("d1", sim);
  const auto former = test.Listen(sim);
  const auto latter = test.Listen(sim);
  test.let.set_value();
  testing::WaitFor([&] { return latter->Known() == std::vector<int64_t>{dispatch}; },
                   "the new session's");
  testing::WaitFor([&] { return former->Known() == std::vector<int64_t>{dispatch}; },
                   "the former session's");
}

}  // namespace
}  // namespace mo::sims
