#include "services/channels/audit.h"

#include <catch2/catch.hpp>
#include <thread>

#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Found = std::map<std::string, double>;

double Audited(Metrics& metrics) {
  return metrics.Counter("mo_ledger_audited_total", "", {{"service", "channels"}}).Value();
}

// Differences of this service counted so far, by kind; those that are there at 0 too.
Found Differences(Metrics& metrics) {
  Found counts;
  for (const auto& family : metrics.registry()->Collect()) {
    if (family.name != "mo_ledger_audit_differences_total") continue;
    for (const auto& metric : family.metric) {
      std::map<std::string, std::string> labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      if (labels["service"] == "channels") counts[labels["kind"]] = metric.counter.value;
    }
  }
  return counts;
}

const Found kNone = {{"skips", 0}, {"recipients_missing", 0}, {"recipients_surplus", 0}};

// An audit beside the service's, with metrics of its own.
struct TestAudit {
  explicit TestAudit(World& world)
      : database({world.env.app().options().database_url, world.env.app().options().migration_user,
                  "", "channels"},
                 metrics),
        audit(world.env.app(), metrics, database) {}

  // The differences of a run, of those kinds that it found.
  Found Run() {
    Found before = Differences(metrics), found;
    const absl::StatusOr<bool> more = audit.RunOnce();
    if (!more.ok()) throw std::runtime_error(std::string(more.status().message()));
    for (const auto& [kind, count] : Differences(metrics)) {
      if (count != before[kind]) found[kind] = count - before[kind];
    }
    return found;
  }

  Metrics metrics;
  storage::Database database;
  Audit audit;
};

TEST_CASE("An audit finds nothing while broadcasts are expanded and canceled") {
  BroadcastWorld world;
  TestAudit test(world);
  CHECK(Differences(test.metrics) == kNone);
  const std::string channel = world.Channel();
  world.Contacts(20000);
  world.SubscribeRange(channel, 1, 20000);
  world.Sql("UPDATE contacts.contacts SET state = 3 WHERE id % 10 = 0");
  std::atomic<int> failed = 0;
  std::vector<std::string> ids;
  {
    std::jthread auditing([&](std::stop_token stop) {
      while (!stop.stop_requested()) failed += test.audit.RunOnce().ok() ? 0 : 1;
    });
    for (int i = 0; i < 4; ++i) ids.push_back(world.Create(world.Request({channel}, {})));
    testing::WaitFor([&] { return world.Ledger(ids[0]).counts().audience() > 0; }, "a page");
    REQUIRE(world.Cancel(ids[0]).ok());
    for (int i = 1; i < 4; ++i) {
      testing::WaitFor([&] { return world.State(ids[i]) == v1::BROADCAST_STATE_SENDING; },
                       "the expansion");
    }
  }
  CHECK(failed == 0);
  CHECK(Audited(test.metrics) > 0);
  CHECK(Differences(test.metrics) == kNone);

  // The service's own audit begins with the process.
  world.env.Restart();
  testing::WaitFor([&] { return Audited(world.env.app().metrics()) >= 4; }, "the service's audit");
  CHECK(Differences(world.env.app().metrics()) == kNone);
}

TEST_CASE("An audit knows what every step of an expansion allows") {
  BroadcastWorld world(/*stepwise=*/true);
  TestAudit test(world);
  const std::vector<std::string> con = world.Contacts(4);
  world.Sql("UPDATE contacts.contacts SET state = 3 WHERE id = 2");
  world.Create(world.Request({}, con));
  CHECK(test.Run() == Found());
  Expander& expander = world.workers().expander;
  auto turn = expander.Take();
  REQUIRE(turn.ok());
  REQUIRE(turn->has_value());
  REQUIRE(expander.Plan(**turn).ok());
  CHECK(test.Run() == Found());  // three are stored, sims has none
  REQUIRE(expander.Submit(**turn).ok());
  CHECK(test.Run() == Found());  // sims has them, they are still stored
  // Sims has one more than was stored.
  world.Sql(
      "UPDATE sims.dispatch_states SET status = status || '\\x10'; "
      "UPDATE sims.dispatches SET contact_ids = contact_ids || 9");
  CHECK(test.Run() == Found{{"recipients_surplus", 1}});
  world.Sql("UPDATE sims.dispatch_states SET status = '\\x1010'");
  CHECK(test.Run() == Found());  // one may be on its way
  REQUIRE(expander.End(**turn).ok());
  CHECK(test.Run() == Found{{"recipients_missing", 1}});
  world.Sql("UPDATE sims.dispatch_states SET status = '\\x101010'");
  CHECK(test.Run() == Found());
  CHECK(Audited(test.metrics) == 7);
}

TEST_CASE("An audit tells each kind of difference from the others") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::vector<std::string> con = world.Contacts(6);
  world.Sql("UPDATE contacts.contacts SET state = 3 WHERE id IN (2, 5)");
  world.Sql("UPDATE contacts.contacts SET state = 1 WHERE id = 3");
  const std::string broken = world.Create(world.Request({}, con));
  world.Create(world.Request({}, con));
  world.Create(world.Request({}, {con[0]}));
  world.Expand();
  TestAudit test(world);
  REQUIRE(test.Run() == Found());
  REQUIRE(Audited(test.metrics) == 3);

  const std::string skips = "UPDATE channels.broadcast_skips SET ";
  const std::string expansion = "UPDATE channels.expansions SET ";
  const std::vector<std::pair<std::string, std::string>> corruptions = {
      {"skips", skips + "reasons = '{2,1,1}'"},
      {"skips", skips + "contact_ids = '{2,3}'"},
      {"skips", "DELETE FROM channels.broadcast_skips"},
      {"recipients_missing", expansion + "resolved = resolved + 1"},
      {"recipients_surplus", expansion + "resolved = resolved - 1"},
  };
  world.Sql(
      "CREATE TABLE kept_skips AS TABLE channels.broadcast_skips; "
      "CREATE TABLE kept_expansions AS TABLE channels.expansions");
  const std::string where = absl::StrCat(" WHERE broadcast_id = ", IdOf(broken));
  for (const auto& [kind, sql] : corruptions) {
    INFO(sql);
    world.Sql(sql + where);
    CHECK(test.Run() == Found{{kind, 1}});
    world.Sql(
        "DELETE FROM channels.broadcast_skips; "
        "INSERT INTO channels.broadcast_skips TABLE kept_skips; "
        "DELETE FROM channels.expansions; INSERT INTO channels.expansions TABLE kept_expansions");
    CHECK(test.Run() == Found());
  }
  // At sims: a dispatch that lost its state is in no count any more.
  world.Sql(absl::StrCat("DELETE FROM sims.dispatch_states s USING sims.dispatches d WHERE ",
                         "s.id = d.id AND d.group_key = '", broken, "'"));
  CHECK(test.Run() == Found{{"recipients_missing", 1}});
}

TEST_CASE("An audit goes on where it stopped") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::vector<std::string> con = world.Contacts(1);
  for (int i = 0; i < 60; ++i) world.Create(world.Request({}, con));
  world.Expand();
  TestAudit test(world);
  for (double audited : {50, 60, 110, 120}) {
    CHECK(test.Run() == Found());
    CHECK(Audited(test.metrics) == audited);
  }
  // Those of large ones count for more.
  world.Sql("UPDATE channels.expansions SET resolved = resolved + 100000");
  CHECK(test.Run() == Found{{"recipients_missing", 2}});
  CHECK(test.Run() == Found{{"recipients_missing", 2}});
}

}  // namespace
}  // namespace mo::channels
