#include "services/channels/subscriptions.h"

#include <catch2/catch.hpp>
#include <thread>

#include "services/channels/test_world.h"

namespace mo::channels {
namespace {

using Stub = v1::ChannelService::Stub;

// Subscriptions that have ended with their channels, by the events.
int64_t Swept(World& world) {
  int64_t sum = 0;
  for (const auto& event : world.Events<v1::SubscriptionsSwept>()) sum += event.count();
  return sum;
}

TEST_CASE("Subscribing is idempotent, counted exactly and told once") {
  World world;
  const std::string channel = world.Channel();
  const std::vector<std::string> contacts = world.Contacts(3);
  for (int i = 0; i < 2; ++i) {
    auto subscribed = world.Subscribe(channel, contacts[0]);
    REQUIRE(subscribed.ok());
    CHECK(subscribed->contact_id() == contacts[0]);
  }
  REQUIRE(world.Subscribe(channel, contacts[1]).ok());
  CHECK(world.Subscribers(channel) == 2);
  CHECK(world.Events<v1::SubscriptionCreated>().size() == 2);
  CHECK(ReasonOf(world.Subscribe(channel, FormatId("con", 77)).status()) == "CONTACT_NOT_FOUND");
  CHECK(ReasonOf(world.Subscribe(FormatId("chn", 77), contacts[0]).status()) ==
        "CHANNEL_NOT_FOUND");

  v1::ListSubscriptionsRequest list;
  list.set_channel_id(channel);
  list.set_page_size(1);
  auto page = world.channels.Call(&Stub::ListSubscriptions, world.caller(), list);
  REQUIRE(page.ok());
  CHECK(page->subscriptions(0).contact_id() == contacts[0]);
  list.set_page_token(page->next_page_token());
  page = world.channels.Call(&Stub::ListSubscriptions, world.caller(), list);
  CHECK(page->subscriptions(0).contact_id() == contacts[1]);
  CHECK(page->next_page_token().empty());

  v1::UnsubscribeRequest leave;
  leave.set_channel_id(channel);
  leave.set_contact_id(contacts[0]);
  for (int i = 0; i < 2; ++i) {
    CHECK(world.channels.Call(&Stub::Unsubscribe, world.caller(), leave).ok());
  }
  CHECK(world.Subscribers(channel) == 1);
  leave.set_contact_id(FormatId("con", 77));
  CHECK(ReasonOf(world.channels.Call(&Stub::Unsubscribe, world.caller(), leave).status()) ==
        "CONTACT_NOT_FOUND");
  leave.set_contact_id(contacts[2]);  // never subscribed
  CHECK(world.channels.Call(&Stub::Unsubscribe, world.caller(), leave).ok());
  REQUIRE(world.Subscribe(world.Channel(), contacts[1]).ok());
  v1::UnsubscribeAllRequest all;
  all.set_contact_id(contacts[1]);
  for (int i = 0; i < 2; ++i) {
    CHECK(world.channels.Call(&Stub::UnsubscribeAll, ServiceCaller("rules", 1), all).ok());
  }
  CHECK(world.Subscribers(channel) == 0);
  CHECK(world.Events<v1::SubscriptionDeleted>().size() == 3);
}

TEST_CASE("Many who subscribe and leave at once are counted exactly, also while it is deleted") {
  World world;
  const std::string channel = world.Channel();
  const std::vector<std::string> contacts = world.Contacts(80);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < contacts.size(); i += 4) {  // each contact by two threads
        (void)world.Subscribe(channel, contacts[i]);
        if (i % 5 != 0) continue;
        v1::UnsubscribeRequest leave;
        leave.set_channel_id(channel);
        leave.set_contact_id(contacts[i]);
        (void)world.channels.Call(&Stub::Unsubscribe, world.caller(), leave);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(world.Subscribers(channel) == world.Number("SELECT count(*) FROM channels.subscriptions"));

  std::thread late([&] {
    for (const std::string& contact : contacts) (void)world.Subscribe(channel, contact);
  });
  v1::DeleteChannelRequest erase;
  erase.set_id(channel);
  REQUIRE(world.channels.Call(&Stub::DeleteChannel, world.caller(), erase).ok());
  late.join();
  testing::WaitFor(
      [&] {
        return world.Number("SELECT count(*) FROM channels.channels") == 0 &&
               world.Number("SELECT count(*) FROM channels.subscriptions") == 0;
      },
      "the sweep");
  CHECK(world.Number("SELECT count(*) FROM channels.subscriber_counts") == 0);
  CHECK(world.Events<v1::ChannelChanged>().back().deleted());
  // What has begun has ended, in the events too.
  CHECK(static_cast<int64_t>(world.Events<v1::SubscriptionCreated>().size()) ==
        static_cast<int64_t>(world.Events<v1::SubscriptionDeleted>().size()) + Swept(world));
}

TEST_CASE("A deleted channel's subscriptions end in pages, counted, whoever leaves meanwhile") {
  World world;
  const std::string channel = world.Channel();
  world.SubscribeRange(channel, 1, 12000);
  auto leaving = storage::Connection::Open(world.env.postgres().UrlAs("postgres"));
  REQUIRE(leaving.ok());
  REQUIRE(
      (*leaving)->Script("BEGIN; DELETE FROM channels.subscriptions WHERE contact_id = 3").ok());
  v1::DeleteChannelRequest erase;
  erase.set_id(channel);
  REQUIRE(world.channels.Call(&Stub::DeleteChannel, world.caller(), erase).ok());
  testing::WaitFor(
      [&] {
        return world.Number(
                   "SELECT count(*) FROM pg_stat_activity "
                   "WHERE wait_event_type = 'Lock' AND query LIKE '%subscriptions%'") > 0;
      },
      "the sweep to wait for the contact that leaves");
  REQUIRE((*leaving)->Script("COMMIT").ok());
  testing::WaitFor([&] { return world.Number("SELECT count(*) FROM channels.channels") == 0; },
                   "the sweep");
  CHECK(world.Number("SELECT count(*) FROM channels.subscriptions") == 0);
  const auto events = world.Events<v1::SubscriptionsSwept>();
  REQUIRE(events.size() == 3);
  for (const auto& event : events) CHECK(event.channel_id() == channel);
  CHECK(events[0].count() == 4999);
  CHECK(Swept(world) == 11999);
  CHECK(world.Events<v1::SubscriptionDeleted>().empty());
}

}  // namespace
}  // namespace mo::channels
