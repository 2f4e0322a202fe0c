#include "services/inbox/sims_events.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/keyed.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/inbox/conversation_store.h"
#include "services/inbox/registration_code.h"

namespace mo::inbox {

namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace sims_v1 = messageorganizer::sims::v1;

namespace {

constexpr size_t kNameBytes = 200;  // as in contacts.proto

contacts_v1::RecordInboundRequest RecordRequest(const sims_v1::InboundReceived& inbound) {
  contacts_v1::RecordInboundRequest request;
  request.set_inbound_id(inbound.inbound_id());
  request.set_sim_id(inbound.sim_id());
  request.set_network(inbound.network());
  request.set_sender_address(inbound.sender_address());
  request.set_sender_phone(inbound.sender_phone());
  request.set_sender_name(text::Cut(inbound.sender_name(), kNameBytes));
  *request.mutable_time() = inbound.receive_time();
  const std::string carried = RegistrationIn(inbound.start_payload());
  request.set_start_payload(carried.empty() ? RegistrationIn(text::WordsOf(inbound.content()))
                                            : carried);
  return request;
}

}  // namespace

bool SimsEvents::WantsInbound(const events::Event& event) {
  return event.envelope.type() == sims_v1::InboundReceived::descriptor()->full_name();
}

bool SimsEvents::WantsNews(const events::Event& event) {
  const auto progress = events::As<sims_v1::DispatchProgress>(event);
  return progress && progress->lane() == sims_v1::LANE_INTERACTIVE;
}

absl::Status SimsEvents::Handle(storage::Transaction& tx, const std::vector<events::Event>& batch) {
  std::vector<Arrival> arrivals;
  std::vector<News> news;
  std::set<std::pair<int64_t, int64_t>> ids;
  for (const events::Event& event : batch) {
    const auto& envelope = event.envelope;
    if (auto inbound = events::As<sims_v1::InboundReceived>(event)) {
      arrivals.push_back({envelope.account_id(), envelope.request_id(), *std::move(inbound)});
    } else if (const auto progress = events::As<sims_v1::DispatchProgress>(event)) {
      const std::optional<int64_t> id = ParseId("msg", progress->key());
      if (progress->lane() != sims_v1::LANE_INTERACTIVE || !id) continue;
      news.push_back({{envelope.account_id(), *id},
                      envelope.request_id(),
                      progress->state(),
                      progress->reason()});
      ids.insert(news.back().message);
    }
  }
  Record(arrivals);
  std::vector<v1::Message> messages;
  for (const Arrival& arrival : arrivals) {
    MO_RETURN_IF_ERROR(arrival.recorded.status());
    messages.push_back(MessageOf(arrival));
  }
  std::vector<InboundRow> rows;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    rows.push_back({arrivals[i].account_id, arrivals[i].inbound.inbound_id(), &messages[i]});
  }
  // Asked together: one round trip.
  std::optional<storage::Pending> inserted, locked;
  if (!rows.empty()) inserted = InsertInbound(tx, rows);
  if (!ids.empty()) locked = LockMessages(tx, ids);
  if (inserted) MO_RETURN_IF_ERROR(Received(tx, arrivals, messages, *inserted));
  return locked ? Raised(tx, news, *locked) : absl::OkStatus();
}

void SimsEvents::Record(std::vector<Arrival>& arrivals) {
  std::vector<KeyedTask> tasks;
  for (Arrival& arrival : arrivals) {
    if (!arrival.inbound.group_id().empty()) continue;
    tasks.push_back({absl::StrCat(arrival.inbound.sim_id(), " ", arrival.inbound.sender_address()),
                     [this, &arrival] {
                       arrival.recorded = contacts_.Call(
                           MO_METHOD(contacts_v1::ContactService, RecordInbound),
                           ServiceCaller("inbox", arrival.account_id, arrival.request_id),
                           RecordRequest(arrival.inbound));
                     }});
  }
  RunByKey(executor_, std::move(tasks));
}

v1::Message SimsEvents::MessageOf(const Arrival& arrival) const {
  const Inbound& inbound = arrival.inbound;
  v1::Message message;
  message.set_id(FormatId("msg", app_.ids().Next()));
  message.set_contact_id(arrival.recorded->contact().id());
  message.set_sim_id(inbound.sim_id());
  message.set_direction(v1::DIRECTION_INBOUND);
  *message.mutable_content() = inbound.content();
  message.set_group_id(inbound.group_id());
  // A phone whose clock is ahead must not stand below the answers to it.
  const absl::Time received = FromProto(inbound.receive_time());
  const absl::Time sent =
      inbound.has_send_time() ? std::min(FromProto(inbound.send_time()), received) : received;
  *message.mutable_create_time() = ToProto(sent);
  return message;
}

absl::Status SimsEvents::Received(storage::Transaction& tx, const std::vector<Arrival>& arrivals,
                                  const std::vector<v1::Message>& messages,
                                  storage::Pending inserted) {
  MO_ASSIGN_OR_RETURN(const auto fresh, InsertedInbound(std::move(inserted)));
  std::vector<AccountMessage> touched;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    const Arrival& arrival = arrivals[i];
    if (!fresh.contains({arrival.account_id, arrival.inbound.inbound_id()})) continue;
    v1::MessageReceived event;
    *event.mutable_message() = messages[i];
    event.set_network(arrival.inbound.network());
    std::string partition_key = arrival.inbound.group_id();
    if (!messages[i].contact_id().empty()) {
      partition_key = messages[i].contact_id();
      *event.mutable_contact() = arrival.recorded->contact();
      event.set_outcome(arrival.recorded->outcome());
      *event.mutable_channel_ids() = arrival.recorded->channel_ids();
      touched.emplace_back(arrival.account_id, &messages[i]);
    }
    MO_RETURN_IF_ERROR(outbox_.Append(tx, arrival.account_id, partition_key, event,
                                      arrival.request_id, events::Urgency::kNow));
  }
  TouchConversations(tx, touched);
  return absl::OkStatus();
}

absl::Status SimsEvents::Raised(storage::Transaction& tx, const std::vector<News>& news,
                                storage::Pending locked) {
  MO_ASSIGN_OR_RETURN(Outbounds outbounds, LockedMessages(std::move(locked)));
  std::set<const Outbound*> raised;
  for (const News& one : news) {
    const auto found = outbounds.find(one.message);
    if (found == outbounds.end() || !Raise(found->second, one.state, one.reason)) continue;
    raised.insert(&found->second);
    v1::MessageStateChanged changed;
    *changed.mutable_message() = found->second.message;
    MO_RETURN_IF_ERROR(outbox_.Append(tx, one.message.first, changed.message().contact_id(),
                                      changed, one.request_id));
  }
  UpdateStates(tx, {raised.begin(), raised.end()});
  return absl::OkStatus();
}

}  // namespace mo::inbox
