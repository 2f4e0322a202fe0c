#include "services/channels/reporter.h"

#include <catch2/catch.hpp>

#include "services/channels/broadcast_store.h"
#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

// Packs a state as sims does, for all recipients of all dispatches.
std::string SetAll(common::DeliveryState state) {
  return absl::StrCat("UPDATE sims.dispatch_states SET open = false, status = decode(repeat('",
                      absl::Hex(state << 4, absl::kZeroPad2), "', length(status)), 'hex')");
}

TEST_CASE("A broadcast ends when nobody is queued any more; its counts go on") {
  BroadcastWorld world(/*stepwise=*/true);
  Reporter& reporter = world.workers().reporter;
  const std::string id = world.Create(world.Request({}, world.Contacts(3)));
  world.Expand();
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);

  world.Sql(SetAll(common::DELIVERY_STATE_SENT));
  // At most one report per second, without an event one per thirty.
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
  world.Sql("UPDATE channels.progress SET report_time = now() - interval '31 s'");
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.State(id) == v1::BROADCAST_STATE_DONE);
  const auto events = world.Events<v1::BroadcastChanged>();
  CHECK(events.back().state() == v1::BROADCAST_STATE_DONE);
  CHECK(events.back().counts().sent() == 3);
  CHECK(world.Cancel(id)->state() == v1::BROADCAST_STATE_DONE);
  CHECK(ReasonOf(world.Pause(id).status()) == "BROADCAST_FINISHED");

  // Receipts that come later are told too, but only when there are any.
  world.Sql("UPDATE channels.progress SET report_time = now() - interval '31 s'");
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.Events<v1::BroadcastChanged>().size() == events.size());
  world.Sql(SetAll(common::DELIVERY_STATE_READ));
  world.Sql("UPDATE channels.progress SET touched = true");
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.Events<v1::BroadcastChanged>().back().counts().read() == 3);
  CHECK(world.Ledger(id).counts().read() == 3);
  // A process that dies between taking it up and the report leaves it to the thirty seconds.
  world.Sql("UPDATE channels.progress SET touched = true, report_time = '-infinity'");
  const size_t told = world.Events<v1::BroadcastChanged>().size();
  storage::Transaction tx(*world.postgres, 0, storage::Transaction::Kind::kAtomic);
  REQUIRE(tx.Finish(TakeTouched(tx, 10).status()).ok());
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.Events<v1::BroadcastChanged>().size() == told);
  world.Sql("UPDATE channels.progress SET report_time = now() - interval '31 s'");
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.Events<v1::BroadcastChanged>().size() == told + 1);
  REQUIRE(reporter.RunOnce().ok());
  world.Sql("UPDATE channels.progress SET report_time = now() - interval '31 s'");
  REQUIRE(reporter.RunOnce().ok());
  CHECK(world.Events<v1::BroadcastChanged>().size() == told + 1);
}

TEST_CASE("With its workers a broadcast goes its way by itself, and sims' events reach it") {
  BroadcastWorld world;
  const std::string channel = world.Channel();
  world.Contacts(1500);
  world.SubscribeRange(channel, 1, 1500);
  const std::string id = world.Create(world.Request({channel}, {}));
  testing::WaitFor([&] { return world.State(id) == v1::BROADCAST_STATE_SENDING; }, "the expansion");
  CHECK(world.Ledger(id).counts().queued() == 1500);
  // Sims skips them and says so; here the broadcast was canceled before, so only counts change.
  REQUIRE(world.Cancel(id).ok());
  testing::WaitFor(
      [&] {
        const auto events = world.Events<v1::BroadcastChanged>();
        return events.back().state() == v1::BROADCAST_STATE_CANCELED &&
               events.back().counts().skipped() == 1500;
      },
      "the report");
}

TEST_CASE("A restart in the middle changes nothing") {
  BroadcastWorld world;
  const std::string channel = world.Channel();
  world.Contacts(30000);
  world.SubscribeRange(channel, 1, 30000);
  const std::string id = world.Create(world.Request({channel}, {}));
  testing::WaitFor([&] { return !world.SentTo().empty(); }, "the first page");
  world.env.Restart();
  Client<v1::BroadcastService> client(world.env.app());
  v1::GetLedgerRequest request;
  request.set_id(id);
  testing::WaitFor(
      [&] {
        return client.Call(&v1::BroadcastService::Stub::GetLedger, world.caller(), request)
            ->audience_complete();
      },
      "the end of the expansion");
  testing::WaitFor([&] { return world.SentTo().size() == 30000; }, "the last page");
  for (const auto& [contact, times] : world.SentTo()) {
    if (times != 1) FAIL(contact << " was sent " << times << " times");
  }
}

}  // namespace
}  // namespace mo::channels
