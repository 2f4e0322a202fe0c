#include "services/sims/audit.h"

#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "libs/testing/clock.h"
#include "services/sims/test_agent.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

double Audited(Metrics& metrics) {
  return metrics.Counter("mo_ledger_audited_total", "", {{"service", "sims"}}).Value();
}

// Differences counted so far, by kind; those that are there at 0 too.
std::map<std::string, double> Differences(Metrics& metrics) {
  std::map<std::string, double> counts;
  for (const auto& family : metrics.registry()->Collect()) {
    if (family.name != "mo_ledger_audit_differences_total") continue;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) {
        if (label.name == "kind") counts[label.value] = metric.counter.value;
      }
    }
  }
  return counts;
}

// An audit beside the service's, with metrics of its own.
struct TestAudit {
  explicit TestAudit(TestPool& pool)
      : database({pool.env.app().options().database_url, pool.env.app().options().migration_user,
                  "", "sims"},
                 metrics),
        audit(metrics, pool.env.app().clock(), database) {}

  // The differences of a run, of those kinds that it found.
  std::map<std::string, double> Run() {
    std::map<std::string, double> before = Differences(metrics), found;
    REQUIRE(audit.RunOnce().ok());
    for (const auto& [kind, count] : Differences(metrics)) {
      if (count != before[kind]) found[kind] = count - before[kind];
    }
    return found;
  }

  Metrics metrics;
  storage::Database database;
  Audit audit;
};

using Found = std::map<std::string, double>;

TEST_CASE("An audit finds nothing while messages are sent, settled, paused and canceled") {
  TestPool pool;
  TestAudit test(pool);
  CHECK(Differences(test.metrics).size() == 9);  // they exist before anything is found
  const v1::Sim sim = pool.AddSim("+4366400001");
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  std::atomic<int> failed = 0;
  {
    std::jthread auditing([&](std::stop_token stop) {
      while (!stop.stop_requested()) failed += test.audit.RunOnce().ok() ? 0 : 1;
    });
    for (int d = 0; d < 60; ++d) {
      const std::string key = absl::StrCat("d", d);
      REQUIRE(pool.Submit(pool.Dispatch(key, sim.id(), v1::LANE_BULK, 1 + d, 20)).ok());
      if (d % 3 == 1) REQUIRE(pool.Control(key, v1::GROUP_CONTROL_PAUSE).ok());
      if (d % 3 == 2) REQUIRE(pool.Control(key, v1::GROUP_CONTROL_CANCEL).ok());
      if (d % 5 != 0) continue;
      agent.WaitForSent(1);
      for (const auto& [message, address] : agent.sent()) {
        agent.Result(message,
                     message % 7 == 0 ? v1::SEND_OUTCOME_BLOCKED : v1::SEND_OUTCOME_ACCEPTED);
        agent.Receipt(message, v1::RECEIPT_STATE_READ);
      }
    }
  }
  CHECK(failed == 0);
  CHECK(test.Run() == Found());
  CHECK(test.Run() == Found());
  CHECK(Audited(test.metrics) >= 120);
  for (const auto& [kind, count] : Differences(test.metrics)) CHECK(count == 0);

  // The service's own audit begins with the process.
  pool.env.Restart();
  WaitFor([&] { return Audited(pool.env.app().metrics()) >= 60; }, "the service's audit");
  for (const auto& [kind, count] : Differences(pool.env.app().metrics())) CHECK(count == 0);
}

TEST_CASE("An audit tells each kind of difference from the others") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  for (const char* key : {"d1", "d2", "d3"}) {
    REQUIRE(pool.Submit(pool.Dispatch(key, sim.id(), v1::LANE_BULK, 10, 3)).ok());
  }
  TestAudit test(pool);
  REQUIRE(test.Run() == Found());

  const std::string state = "UPDATE sims.dispatch_states SET update_time = now(), ";
  const std::string dispatch = "UPDATE sims.dispatches SET ";
  const std::vector<std::pair<std::string, std::string>> corruptions = {
      {"status_length", state + "status = '\\x1010'"},
      {"status_length", state + "status = '\\x10101010'"},
      {"status_byte", state + "status = '\\x1000e0'"},  // no such state
      {"status_byte", state + "status = '\\x10107f'"},  // no such reason
      {"status_byte", state + "status = '\\x104110'"},  // sent, for a reason
      {"status_byte", state + "status = '\\x108010'"},  // skipped, for none
      {"open", state + "open = false"},
      {"open", state + "status = '\\x404040'"},
      {"contact_order", dispatch + "contact_ids = '{10,12,11}'"},
      {"contact_order", dispatch + "contact_ids = '{10,10,12}'"},
      {"contact_order", dispatch + "contact_ids = '{10,12,NULL}'"},
      {"contact_range", dispatch + "contact_range = int8range(10, 12)"},
      {"contact_range", dispatch + "contact_range = int8range(11, 13)"},
      {"addresses", dispatch + "addresses = '{a,b}'"},
      {"parameters", dispatch + "parameters = '{a,b}'"},
      {"parameters", dispatch + "parameter_names = '{a,b}'"},
      {"state_missing", "DELETE FROM sims.dispatch_states"},
      {"dispatch_missing", "DELETE FROM sims.dispatches"},
  };
  pool.Execute(
      "CREATE TABLE kept_dispatches AS TABLE sims.dispatches; "
      "CREATE TABLE kept_states AS TABLE sims.dispatch_states");
  for (const auto& [kind, sql] : corruptions) {
    INFO(sql);
    pool.Execute(sql + " WHERE id = 2");
    CHECK(test.Run() == Found{{kind, 1}});
    pool.Execute(
        "DELETE FROM sims.dispatches; INSERT INTO sims.dispatches TABLE kept_dispatches; "
        "DELETE FROM sims.dispatch_states; INSERT INTO sims.dispatch_states TABLE kept_states; "
        "UPDATE sims.dispatch_states SET update_time = now()");
    CHECK(test.Run() == Found());
  }
}

TEST_CASE("An audit goes on where it stopped and checks what has changed, once a day all") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  TestPool pool(options);
  const v1::Sim sim = pool.AddSim("+4366400001");
  for (int d = 0; d < 250; ++d) {
    const std::string key = absl::StrCat("d", d);
    REQUIRE(pool.Submit(pool.Dispatch(key, sim.id(), v1::LANE_BULK, 1, 1)).ok());
  }
  // Of 250,000 recipients a run checks 100,000, here with the next page.
  pool.Execute(
      "UPDATE sims.dispatches SET contact_ids = (SELECT array_agg(i) FROM generate_series(1, 1000) "
      "i), addresses = (SELECT array_agg(''::text) FROM generate_series(1, 1000)), "
      "parameters = (SELECT array_agg(''::text) FROM generate_series(1, 1000)), "
      "contact_range = '[1,1000]'; "
      "UPDATE sims.dispatch_states SET status = decode(repeat('10', 1000), 'hex')");
  TestAudit test(pool);
  for (double audited : {100, 200, 250}) {
    CHECK(test.Run() == Found());
    CHECK(Audited(test.metrics) == audited);
  }
  const auto set = [&](bool open) {
    pool.Execute(absl::StrCat("UPDATE sims.dispatch_states SET open = ", open ? "true" : "false",
                              " WHERE id IN (1, 250)"));
  };
  // Changed, as far as update_time says, since the walk before: all are checked again.
  set(false);
  CHECK(test.Run() == Found{{"open", 1}});
  CHECK(test.Run() == Found());
  CHECK(test.Run() == Found{{"open", 1}});
  // Not changed since: they are only seen to be there.
  clock.Advance(absl::Minutes(2));
  for (int run = 0; run < 3; ++run) test.Run();
  CHECK(Audited(test.metrics) == 750);
  CHECK(test.Run() == Found());
  CHECK(Audited(test.metrics) == 1000);
  clock.Advance(absl::Hours(24));
  CHECK(test.Run() == Found{{"open", 1}});
  CHECK(test.Run() == Found());
  CHECK(test.Run() == Found{{"open", 1}});
}

}  // namespace
}  // namespace mo::sims
