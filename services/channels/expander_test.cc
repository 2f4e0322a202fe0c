#include "services/channels/expander.h"

#include <catch2/catch.hpp>

#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

const int kPage = PageLimit(Expansion(), 0);  // contacts of the first page

// Whether each contact from 1 to `last` is there exactly once, and no other.
bool EachOnce(const std::map<int64_t, int>& sent, int64_t last) {
  if (static_cast<int64_t>(sent.size()) != last) return false;
  for (const auto& [contact, times] : sent) {
    if (contact < 1 || contact > last || times != 1) return false;
  }
  return true;
}

TEST_CASE("A contact in two channels and in the list gets it once; everybody else has a reason") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string a = world.Channel();
  const std::string b = world.Channel();
  const std::vector<std::string> con = world.Contacts(8);
  world.SubscribeRange(a, 1, 6);
  world.SubscribeRange(b, 4, 8);
  world.SubscribeRange(b, 50, 50);  // gone from contacts
  world.Sql("UPDATE contacts.contacts SET state = 1 WHERE id = 2");
  world.Sql("UPDATE contacts.contacts SET state = 3 WHERE id = 3");
  world.Sql("UPDATE contacts.contacts SET state = 1, sim_id = NULL WHERE id = 7");
  auto request = world.Request({a, b}, {con[4], con[0], con[4]});
  request.mutable_audience()->add_exclude_contacts(con[5]);
  const std::string id = world.Create(request);
  CHECK(world.Ledger(id).counts().audience() == 0);
  CHECK_FALSE(world.Ledger(id).audience_complete());
  world.Expand();
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {4, 1}, {5, 1}, {8, 1}});
  const v1::Ledger ledger = world.Ledger(id);
  CHECK(ledger.audience_complete());
  CHECK(ledger.counts().audience() == 9);
  CHECK(ledger.counts().queued() == 4);
  CHECK(ledger.counts().skipped() == 5);
  for (const int size : {1, 2, 3, 1000}) {
    auto deliveries = world.Deliveries(id, size);
    CHECK(deliveries.size() == 9);
    CHECK(deliveries[con[0]] == std::pair<int, int>(common::DELIVERY_STATE_QUEUED, 0));
    const auto skipped = [](common::DeliveryReason reason) {
      return std::pair<int, int>(common::DELIVERY_STATE_SKIPPED, reason);
    };
    CHECK(deliveries[con[1]] == skipped(common::DELIVERY_REASON_PENDING));
    CHECK(deliveries[con[2]] == skipped(common::DELIVERY_REASON_STOPPED));
    CHECK(deliveries[con[5]] == skipped(common::DELIVERY_REASON_EXCLUDED));
    CHECK(deliveries[FormatId("con", 50)] == skipped(common::DELIVERY_REASON_CONTACT_GONE));
  }
  CHECK(world.Deliveries(id, 2, common::DELIVERY_STATE_SKIPPED).size() == 5);
  CHECK(world.Deliveries(id, 2, common::DELIVERY_STATE_QUEUED).size() == 4);
  CHECK(world.Deliveries(id, 2, common::DELIVERY_STATE_READ).empty());
}

TEST_CASE("A crash between any two steps leaves each contact with exactly one") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(kPage, world.Sim());
  world.Contacts(kPage, world.Sim());
  world.SubscribeRange(channel, 1, 2 * kPage);
  const std::string id = world.Create(world.Request({channel}, {}));
  Expander& expander = world.workers().expander;
  // Dies after each step in turn; the ledger adds up everywhere.
  for (int death = 0; world.State(id) == v1::BROADCAST_STATE_EXPANDING; ++death) {
    REQUIRE(death < 100);
    world.ExpireLeases();
    auto turn = expander.Take();
    REQUIRE(turn.ok());
    REQUIRE(turn->has_value());
    CHECK_FALSE(expander.Take()->has_value());  // nobody else's while the lease holds
    (void)world.Ledger(id);
    if (death % 4 == 0) continue;
    REQUIRE(expander.Plan(**turn).ok());
    (void)world.Ledger(id);
    if (death % 4 == 1) continue;
    REQUIRE(expander.Submit(**turn).ok());
    (void)world.Ledger(id);
    if (death % 4 == 2) continue;
    REQUIRE(expander.End(**turn).ok());
    (void)world.Ledger(id);
  }
  CHECK(EachOnce(world.SentTo(), 2 * kPage));
  CHECK(world.Ledger(id).counts().queued() == 2 * kPage);
}

TEST_CASE("What was planned before a crash is sent as it was planned") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(4);
  world.SubscribeRange(channel, 1, 3);
  const std::string id = world.Create(world.Request({channel}, {}));
  auto turn = *world.workers().expander.Take();
  REQUIRE(world.workers().expander.Plan(*turn).ok());
  CHECK(world.Ledger(id).counts().queued() == 3);
  // Meanwhile the world changes.
  world.SubscribeRange(channel, 4, 4);
  world.Sql("UPDATE contacts.contacts SET state = 1, sim_id = NULL WHERE id = 2");
  world.ExpireLeases();
  world.Expand();
  CHECK(EachOnce(world.SentTo(), 3));
  CHECK(world.Ledger(id).counts().audience() == 3);
}

TEST_CASE("A worker that slept through its lease can write nothing, and sends nothing twice") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(2 * kPage);
  world.SubscribeRange(channel, 1, 2 * kPage);
  const std::string id = world.Create(world.Request({channel}, {}));
  Expander& expander = world.workers().expander;
  auto sleeper = *expander.Take();
  auto planner = *expander.Take();
  REQUIRE_FALSE(planner.has_value());
  world.ExpireLeases();
  planner = *expander.Take();
  REQUIRE(planner.has_value());
  CHECK(ReasonOf(expander.Plan(*sleeper)) == "TURN_LOST");
  CHECK(ReasonOf(expander.End(*sleeper)) == "TURN_LOST");
  REQUIRE(expander.Plan(*planner).ok());
  world.ExpireLeases();
  world.Expand();
  REQUIRE(expander.Submit(*planner).ok());  // all of it duplicates
  CHECK(ReasonOf(expander.End(*planner)) == "TURN_LOST");
  CHECK(EachOnce(world.SentTo(), 2 * kPage));
  CHECK(world.Ledger(id).counts().queued() == 2 * kPage);
}

TEST_CASE("Pause and cancel stop the expansion; a page that is stored is accounted for") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(3 * kPage);
  world.SubscribeRange(channel, 1, 3 * kPage);
  const std::string id = world.Create(world.Request({channel}, {}));
  Expander& expander = world.workers().expander;
  auto turn = *expander.Take();
  REQUIRE(expander.Plan(*turn).ok());
  REQUIRE(world.Pause(id).ok());
  CHECK(world.Ledger(id).counts().queued() == kPage);
  world.ExpireLeases();
  world.Expand();
  CHECK(EachOnce(world.SentTo(), kPage));  // at sims, where it waits
  CHECK(world.Number("SELECT count(*) FROM sims.dispatch_states WHERE control = 2") ==
        kPage / 1000);
  CHECK(world.Ledger(id).counts().queued() == kPage);

  CHECK(world.Resume(id)->state() == v1::BROADCAST_STATE_EXPANDING);
  turn = *expander.Take();
  REQUIRE(expander.Plan(*turn).ok());
  REQUIRE(world.Cancel(id).ok());
  CHECK(world.Ledger(id).counts().skipped() == kPage);
  world.ExpireLeases();
  world.Expand();
  const v1::Ledger ledger = world.Ledger(id);
  CHECK(ledger.counts().audience() == 2 * kPage);
  CHECK(ledger.counts().skipped() == 2 * kPage);
  CHECK(world.State(id) == v1::BROADCAST_STATE_CANCELED);
  CHECK(EachOnce(world.SentTo(), 2 * kPage));
}

TEST_CASE("Pages of several channels and SIMs cover 20,000 contacts, each once, in turns") {
  BroadcastWorld world(/*stepwise=*/true);
  std::vector<std::string> channels;
  for (int sim = 0; sim < 4; ++sim) world.Contacts(5000, world.Sim());
  for (int c = 0; c < 4; ++c) {
    channels.push_back(world.Channel());
    world.SubscribeRange(channels.back(), c * 4000 + 1, c * 4000 + 8000);  // half of it overlaps
  }
  const std::string big = world.Create(world.Request(channels, {FormatId("con", 19)}));
  const std::string small = world.Create(world.Request({}, {FormatId("con", 1)}));
  REQUIRE(*world.workers().expander.RunOnce());
  REQUIRE(*world.workers().expander.RunOnce());
  // The small one has not waited for the big one.
  CHECK(world.State(small) == v1::BROADCAST_STATE_SENDING);
  CHECK(world.State(big) == v1::BROADCAST_STATE_EXPANDING);
  CHECK(world.Ledger(big).counts().audience() <= kPage);
  world.Expand();
  auto sent = world.SentTo();
  CHECK(sent[1] == 2);
  sent[1] = 1;
  CHECK(EachOnce(sent, 20000));
  CHECK(world.Ledger(big).counts().queued() == 20000);
  CHECK(world.Number("SELECT count(*) FROM sims.dispatches") < 80);
  CHECK(world.Number("SELECT max(cardinality(contact_ids)) FROM sims.dispatches") <= 1000);
}

TEST_CASE("Placeholders leave as numbers, with each recipient's value or the fallback") {
  BroadcastWorld world(/*stepwise=*/true);
  const auto con = world.Contacts(2);
  world.Sql(
      "UPDATE contacts.contacts SET display_name = 'Änne', attributes = '{\"city\": \"Graz\"}' "
      "WHERE id = 2");
  world.Create(world.Request(
      {}, con, "{{ name |you}}: {{attributes.city}}, {{name}} {{name|you}} {braces} 🎉"));
  world.Expand();
  sims_v1::Dispatch dispatch;
  const auto rows = world.postgres->Query(
      "SELECT content, parameter_names, parameters FROM sims.dispatches", storage::Parameters());
  REQUIRE(rows->size() == 1);
  common::Content content;
  content.ParseFromString((*rows)[0].String(0));
  CHECK(content.text().body() == "{{0}}: {{1}}, {{2}} {{0}} {braces} 🎉");
  CHECK((*rows)[0].Get<std::vector<std::string>>(1) == std::vector<std::string>{"0", "1", "2"});
  CHECK((*rows)[0].Get<std::vector<std::string>>(2) ==
        std::vector<std::string>{"you", "", "", "Änne", "Graz", "Änne"});
}

TEST_CASE("Recipients whose SIM is gone by the time of sending are skipped") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string gone = world.Sim();
  std::vector<std::string> con = world.Contacts(2);
  for (const std::string& id : world.Contacts(3, gone)) con.push_back(id);
  const std::string id = world.Create(world.Request({}, con));
  auto turn = *world.workers().expander.Take();
  REQUIRE(world.workers().expander.Plan(*turn).ok());
  world.Sql(absl::StrCat("DELETE FROM sims.sims WHERE id = ", IdOf(gone)));
  world.ExpireLeases();
  world.Expand();
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {2, 1}});
  CHECK(world.Ledger(id).counts().queued() == 2);
  CHECK(world.Ledger(id).counts().skipped() == 3);
  CHECK(world.Deliveries(id)[con[4]] ==
        std::pair<int, int>(common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_NO_SIM));
  CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
}

TEST_CASE("A broadcast to nobody is done") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string id = world.Create(world.Request({world.Channel()}, {}));
  world.Expand();
  REQUIRE(world.workers().reporter.RunOnce().ok());
  CHECK(world.State(id) == v1::BROADCAST_STATE_DONE);
  CHECK(world.Ledger(id).counts().audience() == 0);
}

}  // namespace
}  // namespace mo::channels
