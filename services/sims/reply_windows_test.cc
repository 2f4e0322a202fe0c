// Windows of networks that let us write freely only for so long after a contact's message.
#include "services/sims/reply_windows.h"

#include <catch2/catch.hpp>
#include <future>

#include "libs/runtime/clock.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

// A SIM with a lease of a network with windows of 24 hours, and a ledger beside the service's.
struct TestWindows {
  TestPool pool;
  const std::string sim_name = pool.AddSim("+4366400001").id();
  const int64_t sim = IdOf(sim_name);
  storage::Database database{
      {pool.env.app().options().database_url, pool.env.app().options().migration_user, "", "sims"},
      pool.env.app().metrics()};
  events::Outbox outbox{pool.env.app(), database, {}};
  LedgerCommit ledger{pool.env.app(), database, outbox};
  const absl::Time now = absl::Now();

  TestWindows() {
    pool.Execute(absl::StrCat("INSERT INTO sims.leases (account_id, sim_id, epoch, expire_time) ",
                              "VALUES (1, ", sim, ", 1, now() + interval '1 hour')"));
  }
  LedgerOutcome Commit(LedgerWork work) {
    work.account_id = 1;
    work.sim_id = sim;
    work.epoch = 1;
    std::promise<LedgerOutcome> outcome;
    work.done = [&](const LedgerOutcome& done) { outcome.set_value(done); };
    REQUIRE(ledger.Add(std::move(work)));
    return outcome.get_future().get();
  }
  static v1::Inbound From(const std::string& address, absl::Time time,
                          const std::string& group = "") {
    static int number = 0;
    v1::Inbound inbound;
    inbound.set_provider_message_id("m" + std::to_string(++number));
    inbound.set_sender_address(address);
    inbound.set_group_id(group);
    *inbound.mutable_time() = ToProto(time);
    return inbound;
  }
  void Write(const v1::Inbound& inbound) {
    LedgerWork work;
    work.reply_window = absl::Hours(24);
    work.inbound.push_back(inbound);
    REQUIRE(Commit(std::move(work)).status.ok());
  }
  // A dispatch to +431 …, whose windows are asked for.
  Window Submit(const std::string& key, int count, bool windows = true) {
    REQUIRE(pool.Submit(pool.Dispatch(key, sim_name, v1::LANE_BULK, 1, count)).ok());
    Window window;
    window.dispatch_id = pool.Count("SELECT max(id) FROM sims.dispatches");
    for (int i = 0; i < count; ++i) {
      window.indices.push_back(i);
      window.contact_ids.push_back(i + 1);
      if (windows) window.reply_addresses.push_back("+43" + std::to_string(i + 1));
    }
    return window;
  }
  LedgerOutcome Open(const Window& window) {
    LedgerWork work;
    work.windows.push_back(window);
    return Commit(std::move(work));
  }
};

TEST_CASE("Only who has written in time is written to; the others are refused for that reason",
          "[windows]") {
  TestWindows test;
  test.Write(test.From("+431", test.now - absl::Hours(23)));
  test.Write(test.From("+432", test.now - absl::Hours(25)));
  test.Write(test.From("+434", test.now - absl::Minutes(1), "group"));
  const LedgerOutcome outcome = test.Open(test.Submit("d", 4));
  REQUIRE(outcome.status.ok());
  CHECK(outcome.opened[0] == std::vector<int>{0});
  const common::DeliveryCounts counts = test.pool.Counts("d");
  CHECK(counts.attempting() == 1);
  CHECK(counts.skipped() == 3);
  REQUIRE(counts.reasons_size() == 1);
  CHECK(counts.reasons(0).reason() == common::DELIVERY_REASON_WINDOW_CLOSED);
}

TEST_CASE("An older message that comes late closes nothing; a clock ahead opens no longer",
          "[windows]") {
  TestWindows test;
  test.Write(test.From("+431", test.now));
  test.Write(test.From("+431", test.now - absl::Hours(30)));
  test.Write(test.From("+432", test.now + absl::Hours(100)));
  CHECK(test.Open(test.Submit("d", 2)).opened[0] == std::vector<int>{0, 1});
  CHECK(test.pool.Count("SELECT count(*) FROM sims.reply_windows WHERE open_until > now() + "
                        "interval '24 hours 1 minute'") == 0);
}

TEST_CASE("A person may answer for longer where the network lets them", "[windows]") {
  TestWindows test;
  test.Write(test.From("+431", test.now - absl::Hours(30)));
  test.Write(test.From("+432", test.now - absl::Hours(24 * 8)));
  test.Write(test.From("+433", test.now));
  Window person = test.Submit("person", 3);
  person.reply_grace = absl::Hours(24 * 6);
  Window machine = test.Submit("machine", 3);
  LedgerWork work;
  work.windows = {person, machine};
  const LedgerOutcome outcome = test.Commit(std::move(work));
  REQUIRE(outcome.status.ok());
  CHECK(outcome.opened[0] == std::vector<int>{0, 2});
  CHECK(outcome.opened[1] == std::vector<int>{2});
}

TEST_CASE("A message that comes in the same commit opens the window", "[windows]") {
  TestWindows test;
  LedgerWork work;
  work.reply_window = absl::Hours(24);
  work.inbound.push_back(test.From("+431", test.now));
  work.windows.push_back(test.Submit("d", 1));
  CHECK(test.Commit(std::move(work)).opened[0] == std::vector<int>{0});
}

TEST_CASE("Where there are no windows, and for templates, nothing is asked", "[windows]") {
  TestWindows test;
  CHECK(test.Open(test.Submit("d", 2, /*windows=*/false)).opened[0] == std::vector<int>{0, 1});
  LedgerWork work;
  work.inbound.push_back(test.From("+431", test.now));
  REQUIRE(test.Commit(std::move(work)).status.ok());
  CHECK(test.pool.Count("SELECT count(*) FROM sims.reply_windows") == 0);
}

}  // namespace
}  // namespace mo::sims
