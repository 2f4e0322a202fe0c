#include "services/inbox/sims_events.h"

#include <algorithm>

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
  request.set_start_payload(RegistrationIn(text::WordsOf(inbound.content())));
  return request;
}

}  // namespace

absl::Status SimsEvents::Handle(storage::Transaction& tx, const std::vector<events::Event>& batch) {
  std::vector<Arrival> arrivals;
  for (const events::Event& event : batch) {
    if (auto inbound = events::As<sims_v1::InboundReceived>(event)) {
      Arrival arrival;
      arrival.account_id = event.envelope.account_id();
      arrival.request_id = event.envelope.request_id();
      arrival.inbound = *std::move(inbound);
      arrivals.push_back(std::move(arrival));
    }
  }
  Record(arrivals);
  for (const Arrival& arrival : arrivals) MO_RETURN_IF_ERROR(Keep(tx, arrival));
  for (const events::Event& event : batch) {
    if (const auto progress = events::As<sims_v1::DispatchProgress>(event)) {
      MO_RETURN_IF_ERROR(Raise(tx, event, *progress));
    }
  }
  return absl::OkStatus();
}

void SimsEvents::Record(std::vector<Arrival>& arrivals) {
  std::vector<KeyedTask> tasks;
  for (Arrival& arrival : arrivals) {
    if (!arrival.inbound.group_id().empty()) continue;
    tasks.push_back({absl::StrCat(arrival.inbound.sim_id(), " ", arrival.inbound.sender_address()),
                     [this, &arrival] {
                       arrival.recorded = contacts_.Call(
                           &contacts_v1::ContactService::Stub::RecordInbound,
                           ServiceCaller("inbox", arrival.account_id, arrival.request_id),
                           RecordRequest(arrival.inbound));
                     }});
  }
  RunByKey(executor_, std::move(tasks));
}

absl::Status SimsEvents::Keep(storage::Transaction& tx, const Arrival& arrival) {
  MO_RETURN_IF_ERROR(arrival.recorded.status());
  const Inbound& inbound = arrival.inbound;
  v1::MessageReceived event;
  v1::Message& message = *event.mutable_message();
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
  MO_ASSIGN_OR_RETURN(const bool is_new,
                      InsertInbound(tx, arrival.account_id, inbound.inbound_id(), message));
  if (!is_new) return absl::OkStatus();
  std::string partition_key = inbound.group_id();
  if (!message.contact_id().empty()) {
    partition_key = message.contact_id();
    *event.mutable_contact() = arrival.recorded->contact();
    event.set_outcome(arrival.recorded->outcome());
    *event.mutable_channel_ids() = arrival.recorded->channel_ids();
    MO_RETURN_IF_ERROR(TouchConversation(tx, arrival.account_id, message));
  }
  return outbox_.Append(tx, arrival.account_id, partition_key, event, arrival.request_id);
}

absl::Status SimsEvents::Raise(storage::Transaction& tx, const events::Event& event,
                               const sims_v1::DispatchProgress& progress) {
  const std::optional<int64_t> id = ParseId("msg", progress.key());
  if (progress.lane() != sims_v1::LANE_INTERACTIVE || !id) return absl::OkStatus();
  const int64_t account_id = event.envelope.account_id();
  MO_ASSIGN_OR_RETURN(const std::optional<v1::Message> raised,
                      RaiseState(tx, account_id, *id, progress.state(), progress.reason()));
  if (!raised) return absl::OkStatus();
  v1::MessageStateChanged changed;
  *changed.mutable_message() = *raised;
  return outbox_.Append(tx, account_id, raised->contact_id(), changed, event.envelope.request_id());
}

}  // namespace mo::inbox
