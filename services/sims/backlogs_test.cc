#include <algorithm>
#include <map>

#include "libs/runtime/clock.h"
#include "services/sims/ledger_store.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

// SIM → its backlog.
std::map<std::string, v1::Backlog> Backlogs(TestPool& pool, const std::vector<std::string>& sims,
                                            absl::Time time = absl::Now()) {
  v1::GetBacklogsRequest request;
  for (const std::string& id : sims) request.add_sim_ids(id);
  *request.mutable_time() = ToProto(time);
  auto response =
      pool.dispatches.Call(&v1::DispatchService::Stub::GetBacklogs, pool.caller, request);
  REQUIRE(response.ok());
  std::map<std::string, v1::Backlog> backlogs;
  for (const v1::Backlog& backlog : response->backlogs()) backlogs[backlog.sim_id()] = backlog;
  return backlogs;
}

TEST_CASE("A SIM's backlog is who is queued there, but for paused groups and quiet hours") {
  TestPool pool;
  const std::string busy = pool.AddSim("+4366400001").id();
  const std::string idle = pool.AddSim("+4366400002").id();
  const std::string other = pool.AddSim("+4366400003").id();
  CHECK(Backlogs(pool, {busy, idle, other}).empty());
  REQUIRE(pool.Submit(pool.Dispatch("answer", busy, v1::LANE_INTERACTIVE, 1, 1)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("bulk", busy, v1::LANE_BULK, 1, 1000)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("paused", busy, v1::LANE_BULK, 1, 50)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("held", busy, v1::LANE_BULK, 1, 7)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("other", other, v1::LANE_BULK, 1, 3)).ok());
  REQUIRE(pool.Control("paused", v1::GROUP_CONTROL_PAUSE).ok());
  const absl::Time now = absl::Now();
  pool.Execute(
      "UPDATE sims.dispatch_states s SET hold_until = now() + interval '1 hour' FROM "
      "sims.dispatches d WHERE d.id = s.id AND d.key = 'held'");
  // Of the bulk one's first five: attempting, accepted, read, failed for a reason, queued again.
  pool.Execute(
      "UPDATE sims.dispatch_states s SET status = '\\x2030607110'::bytea || substr(status, 6) FROM "
      "sims.dispatches d WHERE d.id = s.id AND d.key = 'bulk'");
  auto backlogs = Backlogs(pool, {busy, idle}, now);
  CHECK(backlogs.size() == 1);
  CHECK(backlogs[busy].queued() == 1 + 996);
  CHECK(backlogs[busy].queued() == pool.Counts("answer").queued() + pool.Counts("bulk").queued());
  CHECK_FALSE(backlogs[busy].more());
  CHECK(Backlogs(pool, {busy}, now + absl::Hours(2))[busy].queued() == 1 + 996 + 7);
  // Canceled ones wait no more, nor does another account see any.
  REQUIRE(pool.Control("bulk", v1::GROUP_CONTROL_CANCEL).ok());
  CHECK(Backlogs(pool, {busy}, now)[busy].queued() == 1);
  pool.caller = pool.env.caller(2);
  CHECK(Backlogs(pool, {busy, other}).empty());
}

TEST_CASE("A long backlog is counted up to a number of dispatches, and said to be longer") {
  TestPool pool;
  const std::string sim = pool.AddSim("+4366400001").id();
  for (int first = 0; first <= kCountedDispatches; first += 100) {
    v1::SubmitRequest request;
    for (int i = first; i < std::min(first + 100, kCountedDispatches); ++i) {
      *request.add_dispatches() =
          pool.Dispatch(absl::StrCat("d", i), sim, v1::LANE_BULK, 1, 2).dispatches(0);
    }
    if (request.dispatches_size() > 0) REQUIRE(pool.Submit(request).ok());
  }
  CHECK(Backlogs(pool, {sim})[sim].queued() == 2 * kCountedDispatches);
  CHECK_FALSE(Backlogs(pool, {sim})[sim].more());
  REQUIRE(pool.Submit(pool.Dispatch("one", sim, v1::LANE_BULK, 1, 2)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("two", sim, v1::LANE_BULK, 1, 2)).ok());
  CHECK(Backlogs(pool, {sim})[sim].queued() == 2 * (kCountedDispatches + 1));
  CHECK(Backlogs(pool, {sim})[sim].more());
}

}  // namespace
}  // namespace mo::sims
