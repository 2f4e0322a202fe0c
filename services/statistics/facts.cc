#include "services/statistics/facts.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/statistics/ages.h"

namespace mo::statistics {
namespace {

namespace channels = messageorganizer::channels::v1;
namespace common = messageorganizer::common::v1;
namespace contacts = messageorganizer::contacts::v1;
namespace inbox = messageorganizer::inbox::v1;
namespace links = messageorganizer::links::v1;
namespace sims = messageorganizer::sims::v1;

using Facts = std::vector<Fact>;

// The number of an id that may be absent.
int64_t Number(const std::string& id) { return id.empty() ? 0 : IdOf(id); }

void Add(Facts& facts, Metric metric, const Subject& subject, int64_t value,
         absl::Time time = absl::InfinitePast()) {
  if (value != 0) facts.push_back({metric, subject, value, time});
}

Facts Registered(const events::Event&, const contacts::ContactRegistered& event) {
  return {
      {Metric::kRegistered, {.sim_id = Number(event.contact().sim_id()), .kind = kRegistration}}};
}

bool SameMonth(absl::Time a, absl::Time b) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  return absl::ToCivilMonth(a, utc) == absl::ToCivilMonth(b, utc);
}

Facts Activated(const events::Event& event, const contacts::ContactActivated& activated) {
  const int64_t sim_id = Number(activated.contact().sim_id());
  const int32_t kind = activated.outcome() == contacts::INBOUND_OUTCOME_REGISTERED ? kMessage
                       : activated.outcome() == contacts::INBOUND_OUTCOME_REACTIVATED
                           ? kReturn
                           : kRegistration;
  Facts facts = {{Metric::kActivated, {.sim_id = sim_id, .kind = kind}},
                 {Metric::kActive, {.sim_id = sim_id}}};
  // Who was active in this month before is counted in it already.
  const bool again =
      activated.has_inactive_since() &&
      SameMonth(FromProto(activated.inactive_since()), FromProto(event.envelope.time()));
  if (!again) Add(facts, Metric::kNewInMonth, {.sim_id = sim_id}, 1);
  return facts;
}

Facts Stopped(const events::Event&, const contacts::ContactStopped& event) {
  const int64_t sim_id = Number(event.contact().sim_id());
  const int32_t kind = event.source() == contacts::STOP_SOURCE_CONTACT   ? kStopWord
                       : event.source() == contacts::STOP_SOURCE_NETWORK ? kStoppedByNetwork
                       : event.source() == contacts::STOP_SOURCE_API     ? kStoppedByApi
                                                                         : kNoSource;
  Facts facts = {{Metric::kStopped, {.sim_id = sim_id, .kind = kind}}};
  if (event.previous_state() == contacts::CONTACT_STATE_ACTIVE)
    Add(facts, Metric::kActive, {.sim_id = sim_id}, -1);
  return facts;
}

Facts Moved(const events::Event&, const contacts::ContactMoved& event) {
  return {{Metric::kActive, {.sim_id = Number(event.old_sim_id())}, -1},
          {Metric::kActive, {.sim_id = Number(event.new_sim_id())}, 1}};
}

Facts Subscribed(const events::Event&, const channels::SubscriptionCreated& event) {
  return {{Metric::kSubscribed, {.channel_id = Number(event.subscription().channel_id())}}};
}

Facts Unsubscribed(const events::Event&, const channels::SubscriptionDeleted& event) {
  return {{Metric::kUnsubscribed, {.channel_id = Number(event.channel_id())}}};
}

Facts Swept(const events::Event&, const channels::SubscriptionsSwept& event) {
  return {{Metric::kUnsubscribed, {.channel_id = Number(event.channel_id())}, event.count()}};
}

Facts Skipped(const events::Event&, const channels::AudienceSkipped& event) {
  Facts facts;
  const int64_t broadcast_id = Number(event.broadcast_id());
  for (const common::ReasonCount& reason : event.reasons()) {
    Add(facts, Metric::kSubmitted, {.broadcast_id = broadcast_id}, reason.count());
    Add(facts, Metric::kSkipped, {.broadcast_id = broadcast_id, .kind = reason.reason()},
        reason.count());
  }
  return facts;
}

Facts Received(const events::Event&, const inbox::MessageReceived& event) {
  const bool group = !event.message().group_id().empty();
  return {{Metric::kReceived,
           {.sim_id = Number(event.message().sim_id()), .kind = group ? kGroup : kContact}}};
}

Facts Created(const events::Event&, const inbox::MessageCreated& event) {
  const inbox::Message& message = event.message();
  const int64_t sim_id = Number(message.sim_id());
  const int32_t kind = message.origin() == inbox::ORIGIN_AGENT  ? kAgent
                       : message.origin() == inbox::ORIGIN_RULE ? kRule
                                                                : kApi;
  Facts facts = {{Metric::kCreated, {.sim_id = sim_id, .kind = kind}}};
  if (event.has_waiting_since()) {
    const int64_t seconds = std::max<int64_t>(
        0,
        absl::ToInt64Seconds(FromProto(message.create_time()) - FromProto(event.waiting_since())));
    Add(facts, Metric::kAnswered, {.sim_id = sim_id}, 1);
    Add(facts, Metric::kAnsweredSeconds, {.sim_id = sim_id}, seconds);
    Add(facts, Metric::kAnsweredAges, {.sim_id = sim_id, .kind = AgeBucket(seconds)}, 1);
  }
  return facts;
}

void AddAges(Facts& facts, Subject subject, Metric sum, Metric ages,
             const google::protobuf::RepeatedPtrField<sims::AgeCount>& counts) {
  for (const sims::AgeCount& age : counts) {
    Add(facts, sum, subject, age.seconds() * age.count());
    subject.kind = AgeBucket(age.seconds());
    Add(facts, ages, subject, age.count());
    subject.kind = 0;
  }
}

void AddTally(Facts& facts, const sims::DeliveryTally& tally) {
  const Subject subject{.sim_id = Number(tally.sim_id()),
                        .broadcast_id = Number(tally.broadcast_id())};
  const common::DeliveryCounts& change = tally.change();
  const int64_t delivered = change.delivered() + change.read();
  Subject sent = subject;
  sent.kind = tally.message_class();
  Add(facts, Metric::kSubmitted, subject, change.audience());
  Add(facts, Metric::kSent, sent, change.accepted() + change.sent() + delivered);
  Add(facts, Metric::kDelivered, subject, delivered);
  Add(facts, Metric::kRead, subject, change.read());
  Add(facts, Metric::kUncertain, subject, change.uncertain());
  int64_t failed = change.failed(), skipped = change.skipped();
  for (const common::ReasonCount& reason : change.reasons()) {
    const bool is_failed = reason.state() == common::DELIVERY_STATE_FAILED;
    (is_failed ? failed : skipped) -= reason.count();
    Subject why = subject;
    why.kind = reason.reason();
    Add(facts, is_failed ? Metric::kFailed : Metric::kSkipped, why, reason.count());
  }
  Add(facts, Metric::kFailed, subject, failed);
  Add(facts, Metric::kSkipped, subject, skipped);
  AddAges(facts, subject, Metric::kDeliveredSeconds, Metric::kDeliveredAges, tally.delivered());
  AddAges(facts, subject, Metric::kReadSeconds, Metric::kReadAges, tally.read());
}

Facts Delivered(const events::Event&, const sims::DeliveriesCounted& event) {
  Facts facts;
  for (const sims::DeliveryTally& tally : event.tallies()) AddTally(facts, tally);
  return facts;
}

Facts Occupied(const events::Event&, const sims::OccupancyChanged& event) {
  Facts facts;
  const Subject subject{.sim_id = Number(event.sim_id())};
  Add(facts, Metric::kOccupancy, subject, event.occupancy_change());
  Add(facts, Metric::kCapacity, subject, event.capacity_change());
  return facts;
}

// Told of later, e.g. after an outage: they belong into the hour in which they were clicked.
Facts Clicked(const events::Event& event, const links::LinkClicked& clicked) {
  Facts facts;
  const absl::Time hour = FromProto(clicked.hour());
  const absl::Time time =
      std::clamp(FromProto(event.envelope.time()), hour, hour + absl::Minutes(59));
  const links::LinkAssignment& of = clicked.assignment();
  const Subject subject{.channel_id = Number(of.channel_id()),
                        .broadcast_id = Number(of.broadcast_id()),
                        .link_id = Number(clicked.link_id())};
  Add(facts, Metric::kClicks, subject, clicked.counts().clicks(), time);
  Add(facts, Metric::kBotClicks, subject, clicked.counts().bot_clicks(), time);
  Add(facts, Metric::kUniqueClicks, subject, clicked.counts().unique_clicks(), time);
  return facts;
}

// It only tells to which channels it goes (see store.h).
Facts Changed(const events::Event&, const channels::BroadcastChanged&) { return {}; }

using Reader = Facts (*)(const events::Event&);

// A function of one payload as one of any event.
template <class Payload, Facts (*Function)(const events::Event&, const Payload&)>
std::pair<std::string, Reader> Entry() {
  return {Payload::descriptor()->full_name(), [](const events::Event& event) {
            const auto payload = events::As<Payload>(event);
            return payload ? Function(event, *payload) : Facts();
          }};
}

const absl::flat_hash_map<std::string, Reader>& Readers() {
  static const auto& readers = *new absl::flat_hash_map<std::string, Reader>{
      Entry<contacts::ContactRegistered, Registered>(),
      Entry<contacts::ContactActivated, Activated>(),
      Entry<contacts::ContactStopped, Stopped>(),
      Entry<contacts::ContactMoved, Moved>(),
      Entry<channels::SubscriptionCreated, Subscribed>(),
      Entry<channels::SubscriptionDeleted, Unsubscribed>(),
      Entry<channels::SubscriptionsSwept, Swept>(),
      Entry<channels::AudienceSkipped, Skipped>(),
      Entry<channels::BroadcastChanged, Changed>(),
      Entry<inbox::MessageReceived, Received>(),
      Entry<inbox::MessageCreated, Created>(),
      Entry<sims::DeliveriesCounted, Delivered>(),
      Entry<sims::OccupancyChanged, Occupied>(),
      Entry<links::LinkClicked, Clicked>(),
  };
  return readers;
}

}  // namespace

bool Counts(const events::Event& event) { return Readers().contains(event.envelope.type()); }

std::vector<Fact> FactsOf(const events::Event& event) {
  const auto found = Readers().find(event.envelope.type());
  return found == Readers().end() ? Facts() : found->second(event);
}

}  // namespace mo::statistics
