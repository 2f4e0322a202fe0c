#include "services/sims/ledger_commit.h"

#include <catch2/catch.hpp>
#include <future>

#include "libs/runtime/errors.h"
#include "services/sims/test_agent.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

// A SIM with a lease, and a ledger of its own beside the service's.
struct TestLedger {
  TestPool pool;
  const int64_t sim = IdOf(pool.AddSim("+4366400001").id());
  storage::Database database{
      {pool.env.app().options().database_url, pool.env.app().options().migration_user, "", "sims"},
      pool.env.app().metrics()};
  events::Outbox outbox{pool.env.app(), database, {}};

  TestLedger() {
    pool.Execute(absl::StrCat("INSERT INTO sims.leases (account_id, sim_id, epoch, expire_time) ",
                              "VALUES (1, ", sim, ", 1, now() + interval '1 hour')"));
  }
  LedgerWork JoinedGroup(const std::string& name) const {
    LedgerWork work;
    work.account_id = 1;
    work.sim_id = sim;
    work.epoch = 1;
    work.groups.emplace_back().set_group_id(name);
    return work;
  }
};

double Refused(App& app) {
  return app.metrics().Counter("mo_sims_commit_refused_total", "").Value();
}

TEST_CASE("Of works that are committed together, only those fail that cannot be stored") {
  TestLedger test;
  std::promise<void> busy, gathered;
  std::mutex mutex;
  std::vector<std::pair<int, LedgerOutcome>> done;
  LedgerCommit ledger(test.pool.env.app(), test.database, test.outbox);
  // The commit thread is held up until all the others wait: they are one batch then.
  LedgerWork first = test.JoinedGroup("first");
  first.done = [&](const LedgerOutcome&) {
    busy.set_value();
    gathered.get_future().wait();
  };
  REQUIRE(ledger.Add(std::move(first)));
  busy.get_future().wait();
  constexpr int kWorks = 20;
  const std::set<int> bad = {0, 7, 8};
  for (int i = 0; i < kWorks; ++i) {
    LedgerWork work = test.JoinedGroup(bad.contains(i) ? std::string("not\0text", 8)
                                                       : "group" + std::to_string(i));
    work.done = [&, i](const LedgerOutcome& outcome) {
      std::lock_guard lock(mutex);
      done.emplace_back(i, outcome);
    };
    REQUIRE(ledger.Add(std::move(work)));
  }
  gathered.set_value();
  WaitFor(
      [&] {
        std::lock_guard lock(mutex);
        return done.size() == kWorks;
      },
      "all outcomes");
  for (int i = 0; i < kWorks; ++i) {
    CHECK(done[static_cast<size_t>(i)].first == i);  // in their order
    const absl::Status& status = done[static_cast<size_t>(i)].second.status;
    CHECK(ReasonOf(status) == (bad.contains(i) ? "LEDGER_REFUSED" : ""));
    CHECK(status.ok() == !bad.contains(i));
  }
  CHECK(test.pool.Count("SELECT count(*) FROM sims.groups") == 1 + kWorks - 3);
  CHECK(Refused(test.pool.env.app()) == 3);
}

TEST_CASE(
    "A SIM's urgent works keep their order, whether broadcasts are committed meanwhile or not") {
  TestLedger test;
  std::promise<void> busy, gathered, large, released;
  std::mutex mutex;
  std::vector<std::string> done;
  LedgerCommit ledger(test.pool.env.app(), test.database, test.outbox);
  const auto add = [&](const std::string& name, int64_t sim, bool urgent,
                       std::function<void()> then) {
    LedgerWork work = test.JoinedGroup(name);
    work.sim_id = sim;
    work.urgent = urgent;
    work.done = [&, name, then = std::move(then)](const LedgerOutcome&) {
      {
        std::lock_guard lock(mutex);
        done.push_back(name);
      }
      if (then) then();
    };
    if (name == "large") {
      for (int i = 0; i < 2000; ++i)
        work.transitions.push_back({DeliveryKey(1 + i / 1000, i % 1000), {}});
    }
    REQUIRE(ledger.Add(std::move(work)));
  };
  const auto is_done = [&](const std::string& name) {
    std::lock_guard lock(mutex);
    return std::find(done.begin(), done.end(), name) != done.end();
  };
  add("held up", test.sim, false, [&] {
    busy.set_value();
    gathered.get_future().wait();
  });
  busy.get_future().wait();
  add("large", test.sim, false, [&] {
    large.set_value();
    released.get_future().wait();
  });
  add("first", test.sim, true, nullptr);  // behind it: nobody knows yet that it is large
  gathered.set_value();
  large.get_future().wait();
  add("second", test.sim, true, nullptr);
  add("another SIM's", test.sim + 1, true, nullptr);
  WaitFor([&] { return is_done("another SIM's"); }, "a commit beside the large one");
  CHECK_FALSE(is_done("second"));
  released.set_value();
  WaitFor([&] { return is_done("second"); }, "the rest");
  CHECK(done == std::vector<std::string>{"held up", "large", "another SIM's", "first", "second"});
}

TEST_CASE("An agent whose frame cannot be stored is ended; the others go on") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const v1::Sim other = pool.AddSim("+4366400002");
  TestAgent bad(pool.env.app().grpc_port(), pool.Token(sim.id()));
  TestAgent good(pool.env.app().grpc_port(), pool.Token(other.id()));
  pool.Execute(
      "CREATE FUNCTION sims.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE 'no'; END $$; "
      "CREATE TRIGGER refuse BEFORE INSERT ON sims.groups FOR EACH ROW "
      "WHEN (NEW.group_id = 'bad') EXECUTE FUNCTION sims.refuse()");
  v1::AgentItem item;
  item.mutable_group()->set_group_id("bad");
  bad.Say({item});
  bad.WaitForEnd();
  CHECK(bad.acked() < 2);
  good.WaitForAck(good.Write("m1", "+431", "Hi"));
  CHECK(Refused(pool.env.app()) == 1);
}

TEST_CASE("A commit that the database makes us try again opens every window once") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  pool.Execute(
      "CREATE SEQUENCE sims.updates; "
      "CREATE FUNCTION sims.fail_first() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ "
      "BEGIN "
      "IF nextval('sims.updates') = 1 THEN RAISE 'again' USING ERRCODE = '40001'; END IF; "
      "RETURN NEW; END $$; "
      "CREATE TRIGGER fail_first BEFORE UPDATE ON sims.dispatch_states FOR EACH ROW "
      "EXECUTE FUNCTION sims.fail_first()");
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 3)).ok());
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  agent.WaitForSent(3);
  agent.WaitForAck(agent.Result(agent.order()[0], v1::SEND_OUTCOME_ACCEPTED));
  CHECK(agent.order().size() == 3);
  CHECK(pool.Count("SELECT last_value FROM sims.updates") > 1);
}

}  // namespace
}  // namespace mo::sims
