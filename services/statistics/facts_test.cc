#include "services/statistics/facts.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "services/statistics/ages.h"
#include "services/statistics/test_numbers.h"

namespace mo::statistics {
namespace {

// "delivered sim=1 broadcast=4 +3", sorted.
std::vector<std::string> Said(const google::protobuf::Message& payload,
                              absl::Time time = Utc("2026-03-15 10:20:30")) {
  events::Event event;
  event.envelope.set_type(payload.GetDescriptor()->full_name());
  event.envelope.set_payload(payload.SerializeAsString());
  *event.envelope.mutable_time() = ToProto(time);
  CHECK(Counts(event));
  std::vector<std::string> said;
  for (const Fact& fact : FactsOf(event)) {
    std::vector<std::string> parts = {NameOf(fact.metric)};
    const Subject& of = fact.subject;
    if (of.sim_id != 0) parts.push_back(absl::StrCat("sim=", of.sim_id));
    if (of.channel_id != 0) parts.push_back(absl::StrCat("channel=", of.channel_id));
    if (of.broadcast_id != 0) parts.push_back(absl::StrCat("broadcast=", of.broadcast_id));
    if (of.link_id != 0) parts.push_back(absl::StrCat("link=", of.link_id));
    if (of.kind != 0) parts.push_back(absl::StrCat("kind=", of.kind));
    parts.push_back(absl::StrCat(fact.value > 0 ? "+" : "", fact.value));
    if (fact.time != absl::InfinitePast())
      parts.push_back(absl::FormatTime("%H:%M", fact.time, absl::UTCTimeZone()));
    said.push_back(absl::StrJoin(parts, " "));
  }
  std::sort(said.begin(), said.end());
  return said;
}
using Lines = std::vector<std::string>;

TEST_CASE("Contacts come and go") {
  contacts::ContactRegistered registered;
  registered.mutable_contact()->set_sim_id(kSim);
  CHECK(Said(registered) == Lines{"registered sim=1 kind=1 +1"});

  contacts::ContactActivated activated;
  activated.mutable_contact()->set_sim_id(kSim);
  activated.set_outcome(contacts::INBOUND_OUTCOME_ACTIVATED);
  CHECK(Said(activated) ==
        Lines{"activated sim=1 kind=1 +1", "active sim=1 +1", "new_in_month sim=1 +1"});
  activated.set_outcome(contacts::INBOUND_OUTCOME_REGISTERED);
  CHECK(Said(activated)[0] == "activated sim=1 kind=2 +1");

  contacts::ContactStopped stopped;
  stopped.mutable_contact()->set_sim_id(kSim);
  stopped.set_source(contacts::STOP_SOURCE_CONTACT);
  stopped.set_previous_state(contacts::CONTACT_STATE_ACTIVE);
  CHECK(Said(stopped) == Lines{"active sim=1 -1", "stopped sim=1 kind=11 +1"});
  // It was never active.
  stopped.set_previous_state(contacts::CONTACT_STATE_PENDING);
  stopped.set_source(contacts::STOP_SOURCE_NETWORK);
  CHECK(Said(stopped) == Lines{"stopped sim=1 kind=13 +1"});

  contacts::ContactMoved moved;
  moved.set_old_sim_id(kSim);
  moved.set_new_sim_id(kOther);
  CHECK(Said(moved) == Lines{"active sim=1 -1", "active sim=2 +1"});
}

TEST_CASE("A contact counts once a month, however often it stops and returns") {
  contacts::ContactActivated back;
  back.mutable_contact()->set_sim_id(kSim);
  back.set_outcome(contacts::INBOUND_OUTCOME_REACTIVATED);
  *back.mutable_inactive_since() = ToProto(Utc("2026-03-01 00:00:00"));
  CHECK(Said(back, Utc("2026-03-31 23:59:59")) ==
        Lines{"activated sim=1 kind=3 +1", "active sim=1 +1"});
  CHECK(Said(back, Utc("2026-04-01 00:00:00")).size() == 3);
}

TEST_CASE("Subscriptions and skipped contacts") {
  channels::SubscriptionCreated created;
  created.mutable_subscription()->set_channel_id(kChannel);
  CHECK(Said(created) == Lines{"subscribed channel=3 +1"});
  channels::SubscriptionsSwept swept;
  swept.set_channel_id(kChannel);
  swept.set_count(70);
  CHECK(Said(swept) == Lines{"unsubscribed channel=3 +70"});
  channels::AudienceSkipped skipped;
  skipped.set_broadcast_id(kBroadcast);
  auto& reason = *skipped.add_reasons();
  reason.set_reason(common::DELIVERY_REASON_STOPPED);
  reason.set_count(6);
  CHECK(Said(skipped) == Lines{"skipped broadcast=4 kind=2 +6", "submitted broadcast=4 +6"});
}

TEST_CASE("Messages, and how long somebody waited for them") {
  inbox::MessageReceived received;
  received.mutable_message()->set_sim_id(kSim);
  CHECK(Said(received) == Lines{"received sim=1 kind=21 +1"});
  received.mutable_message()->set_group_id("g");
  CHECK(Said(received) == Lines{"received sim=1 kind=22 +1"});
  inbox::MessageCreated created;
  created.mutable_message()->set_sim_id(kSim);
  created.mutable_message()->set_origin(inbox::ORIGIN_RULE);
  CHECK(Said(created) == Lines{"created sim=1 kind=24 +1"});
  created.mutable_message()->set_origin(inbox::ORIGIN_AGENT);
  *created.mutable_message()->mutable_create_time() = ToProto(Utc("2026-03-15 10:02:00"));
  *created.mutable_waiting_since() = ToProto(Utc("2026-03-15 10:00:00"));
  CHECK(Said(created) == Lines{"answered sim=1 +1",
                               absl::StrCat("answered_ages sim=1 kind=", AgeBucket(120), " +1"),
                               "answered_seconds sim=1 +120", "created sim=1 kind=25 +1"});
}

TEST_CASE("Deliveries count in every state that lies behind them") {
  sims::DeliveriesCounted counted;
  sims::DeliveryTally& tally = *counted.add_tallies();
  tally.set_sim_id(kSim);
  tally.set_broadcast_id(kBroadcast);
  tally.set_message_class(common::MESSAGE_CLASS_SERVICE);
  tally.mutable_change()->set_audience(10);
  tally.mutable_change()->set_accepted(-1);
  tally.mutable_change()->set_delivered(1);
  tally.mutable_change()->set_read(2);
  tally.mutable_change()->set_failed(3);
  auto& reason = *tally.mutable_change()->add_reasons();
  reason.set_state(common::DELIVERY_STATE_FAILED);
  reason.set_reason(common::DELIVERY_REASON_BLOCKED);
  reason.set_count(2);
  auto& age = *tally.add_delivered();
  age.set_seconds(4);
  age.set_count(3);
  CHECK(Said(counted) ==
        Lines{"delivered sim=1 broadcast=4 +3",
              absl::StrCat("delivered_ages sim=1 broadcast=4 kind=", AgeBucket(4), " +3"),
              "delivered_seconds sim=1 broadcast=4 +12", "failed sim=1 broadcast=4 +1",
              "failed sim=1 broadcast=4 kind=10 +2", "read sim=1 broadcast=4 +2",
              "sent sim=1 broadcast=4 kind=1 +2", "submitted sim=1 broadcast=4 +10"});
}

TEST_CASE("Clicks belong into their hour, whenever they are told of") {
  links::LinkClicked clicked;
  clicked.set_link_id(kLink);
  clicked.mutable_assignment()->set_channel_id(kChannel);
  clicked.mutable_assignment()->set_broadcast_id(kBroadcast);
  *clicked.mutable_hour() = ToProto(Utc("2026-03-15 10:00:00"));
  clicked.mutable_counts()->set_clicks(7);
  clicked.mutable_counts()->set_unique_clicks(2);
  CHECK(Said(clicked) == Lines{"clicks channel=3 broadcast=4 link=5 +7 10:20",
                               "unique_clicks channel=3 broadcast=4 link=5 +2 10:20"});
  CHECK(Said(clicked, Utc("2026-03-16 08:00:00"))[0] ==
        "clicks channel=3 broadcast=4 link=5 +7 10:59");
}

TEST_CASE("How full SIMs are goes up and down") {
  sims::OccupancyChanged occupied;
  occupied.set_sim_id(kSim);
  occupied.set_occupancy_change(-3);
  occupied.set_capacity_change(50);
  CHECK(Said(occupied) == Lines{"capacity sim=1 +50", "occupancy sim=1 -3"});
}

TEST_CASE("Durations: the bucket's end is not exceeded by the share") {
  std::map<int32_t, int64_t> counts;
  CHECK(AgeQuantile(counts, 0.5) == 0);
  for (int64_t second = 1; second <= 100; ++second) ++counts[AgeBucket(second)];
  CHECK(AgeQuantile(counts, 0.5) == 50);
  CHECK(AgeQuantile(counts, 0.95) == 100);
  CHECK(AgeQuantile(counts, 0.01) == 1);
  // However long: in the last one.
  CHECK(AgeBucket(int64_t{1} << 40) == AgeBucket((int64_t{1} << 40) - 1));
  for (int64_t second = 0; second < 100000; ++second)
    REQUIRE(AgeBucket(second) <= AgeBucket(second + 1));
}

}  // namespace
}  // namespace mo::statistics
