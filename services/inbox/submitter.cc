#include "services/inbox/submitter.h"

#include <map>

#include "absl/container/flat_hash_map.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/inbox/conversation_store.h"

namespace mo::inbox {

namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace sims_v1 = messageorganizer::sims::v1;

namespace {

constexpr int32_t kBatch = 100;     // the most dispatches of one Submit
constexpr size_t kWaiting = 10000;  // messages in memory; those beyond are taken up later
constexpr absl::Duration kRetry = absl::Seconds(5);

sims_v1::Dispatch DispatchOf(const Outbound& outbound, absl::string_view address) {
  const v1::Message& message = outbound.message;
  sims_v1::Dispatch dispatch;
  dispatch.set_key(message.id());
  dispatch.set_sim_id(message.sim_id());
  dispatch.set_lane(sims_v1::LANE_INTERACTIVE);
  dispatch.set_group(message.id());
  *dispatch.mutable_content() = message.content();
  dispatch.set_ignore_suppression(outbound.stop_confirmation);
  dispatch.set_by_person(message.origin() == v1::ORIGIN_AGENT);
  sims_v1::Recipient& recipient = *dispatch.add_recipients();
  recipient.set_contact_id(IdOf(message.contact_id()));
  recipient.set_address(std::string(address));
  return dispatch;
}

// Whether asking again would give the same answer.
bool IsFinal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
         absl::IsFailedPrecondition(status);
}

// Why a delayed message is not sent when its time has come; UNSPECIFIED when it is.
DeliveryReason Obstacle(const contacts_v1::ResolvedContact* contact) {
  if (contact == nullptr) return common_v1::DELIVERY_REASON_CONTACT_GONE;
  if (contact->state() == contacts_v1::CONTACT_STATE_STOPPED) {
    return common_v1::DELIVERY_REASON_STOPPED;
  }
  if (contact->state() != contacts_v1::CONTACT_STATE_ACTIVE) {
    return common_v1::DELIVERY_REASON_PENDING;
  }
  return contact->sim_id().empty() ? common_v1::DELIVERY_REASON_NO_SIM
                                   : common_v1::DELIVERY_REASON_UNSPECIFIED;
}

// One that may be in the ledger already is submitted again whatever the contact has become: the
// ledger decides. Only what a dispatch cannot be made without is missing then.
DeliveryReason ObstacleAgain(const contacts_v1::ResolvedContact* contact) {
  if (contact == nullptr) return common_v1::DELIVERY_REASON_CONTACT_GONE;
  return contact->address().empty() ? common_v1::DELIVERY_REASON_ADDRESS_INVALID
                                    : common_v1::DELIVERY_REASON_UNSPECIFIED;
}

}  // namespace

Submitter::Submitter(App& app, storage::Database& database, events::Outbox& outbox)
    : app_(app),
      database_(database),
      outbox_(outbox),
      contacts_(app),
      dispatches_(app),
      fresh_(kBatch, kWaiting,
             [this](std::vector<Addressed> messages) { SubmitNew(std::move(messages)); }) {}

absl::Time Submitter::RetryTime() const { return app_.clock().Now() + kRetry; }

void Submitter::Submit(Outbound outbound, std::string address) {
  // Without room it is due at its retry time, as after a crash here.
  (void)fresh_.TryAdd({std::move(outbound), std::move(address)});
}

void Submitter::SubmitNew(std::vector<Addressed> messages) {
  std::map<int64_t, std::vector<Addressed>> by_account;
  for (Addressed& message : messages)
    by_account[message.first.account_id].push_back(std::move(message));
  for (const auto& [account_id, sendable] : by_account) {
    const absl::Status status = SubmitAll(ServiceCaller("inbox", account_id), sendable);
    if (status.ok()) continue;
    Log(LogLevel::kWarning, "messages not submitted, will be again",
        {{"messages", sendable.size()}, {"error", std::string(status.message())}});
  }
}

absl::StatusOr<bool> Submitter::RunOnce() {
  MO_RETURN_IF_ERROR(WriteMarks());
  MO_ASSIGN_OR_RETURN(const std::vector<Outbound> due, Claim());
  std::map<int64_t, std::vector<Outbound>> by_account;
  for (const Outbound& outbound : due) by_account[outbound.account_id].push_back(outbound);
  absl::Status first_error;
  for (const auto& [account_id, messages] : by_account) {
    first_error.Update(SubmitDue(ServiceCaller("inbox", account_id), messages));
  }
  MO_RETURN_IF_ERROR(first_error);
  return due.size() == kBatch;
}

absl::StatusOr<std::vector<Outbound>> Submitter::Claim() {
  return database_.AsSystem(
      [this](storage::Transaction& tx) -> absl::StatusOr<std::vector<Outbound>> {
        MO_ASSIGN_OR_RETURN(std::vector<Outbound> claimed,
                            ClaimDue(tx, app_.clock().Now(), RetryTime(), kBatch));
        std::vector<AccountMessage> begun;
        for (const Outbound& outbound : claimed) {
          if (outbound.phase != Phase::kWaits) continue;
          begun.emplace_back(outbound.account_id, &outbound.message);
        }
        TouchConversations(tx, begun);
        return claimed;
      });
}

absl::Status Submitter::SubmitDue(const Caller& caller, const std::vector<Outbound>& due) {
  contacts_v1::ResolveContactsRequest request;
  for (const Outbound& outbound : due) request.add_contact_ids(IdOf(outbound.message.contact_id()));
  MO_ASSIGN_OR_RETURN(
      const contacts_v1::ResolveContactsResponse resolved,
      contacts_.Call(MO_METHOD(contacts_v1::ContactService, ResolveContacts), caller, request));
  absl::flat_hash_map<int64_t, const Contact*> contacts;
  for (const Contact& contact : resolved.contacts()) contacts[contact.id()] = &contact;

  std::vector<Addressed> sendable;
  std::map<DeliveryReason, std::vector<Outbound>> left_out;
  for (const Outbound& outbound : due) {
    const auto found = contacts.find(IdOf(outbound.message.contact_id()));
    const Contact* contact = found == contacts.end() ? nullptr : found->second;
    const DeliveryReason obstacle =
        outbound.phase == Phase::kWaits ? Obstacle(contact) : ObstacleAgain(contact);
    if (obstacle != common_v1::DELIVERY_REASON_UNSPECIFIED) {
      left_out[obstacle].push_back(outbound);
      continue;
    }
    sendable.emplace_back(outbound, contact->address());
    // The SIM may have changed since the message was written.
    if (outbound.phase == Phase::kWaits)
      sendable.back().first.message.set_sim_id(contact->sim_id());
  }
  for (const auto& [reason, messages] : left_out) {
    MO_RETURN_IF_ERROR(
        EndAll(caller.account_id, messages, common_v1::DELIVERY_STATE_SKIPPED, reason));
  }
  return sendable.empty() ? absl::OkStatus() : SubmitAll(caller, sendable);
}

absl::Status Submitter::SubmitAll(const Caller& caller, const std::vector<Addressed>& sendable) {
  sims_v1::SubmitRequest request;
  for (const auto& [outbound, address] : sendable)
    *request.add_dispatches() = DispatchOf(outbound, address);
  const absl::Status status =
      dispatches_.Call(MO_METHOD(sims_v1::DispatchService, Submit), caller.WithKey(""), request)
          .status();
  if (status.ok()) {
    // Marked later, all at once: most have news from the ledger by then, which marks them too.
    std::lock_guard lock(mutex_);
    for (const auto& [outbound, address] : sendable) {
      marks_.account_ids.push_back(outbound.account_id);
      marks_.ids.push_back(IdOf(outbound.message.id()));
    }
    return absl::OkStatus();
  }
  if (!IsFinal(status)) return status;
  if (sendable.size() == 1) {
    const bool no_sim = absl::IsNotFound(status);
    return EndAll(
        caller.account_id, {sendable[0].first},
        no_sim ? common_v1::DELIVERY_STATE_SKIPPED : common_v1::DELIVERY_STATE_FAILED,
        no_sim ? common_v1::DELIVERY_REASON_NO_SIM : common_v1::DELIVERY_REASON_MESSAGE_REFUSED);
  }
  // One of them is refused: each for itself.
  absl::Status first_error;
  for (const auto& one : sendable) first_error.Update(SubmitAll(caller, {one}));
  return first_error;
}

absl::Status Submitter::EndAll(int64_t account_id, const std::vector<Outbound>& messages,
                               DeliveryState state, DeliveryReason reason) {
  return database_.As(account_id, [&](storage::Transaction& tx) -> absl::Status {
    for (const Outbound& outbound : messages) {
      MO_ASSIGN_OR_RETURN(const std::optional<v1::Message> ended,
                          RaiseState(tx, account_id, IdOf(outbound.message.id()), state, reason));
      if (!ended) continue;
      v1::MessageStateChanged event;
      *event.mutable_message() = *ended;
      MO_RETURN_IF_ERROR(outbox_.Append(tx, account_id, ended->contact_id(), event));
    }
    return absl::OkStatus();
  });
}

// Those that get lost on the way are submitted once more, which changes nothing.
absl::Status Submitter::WriteMarks() {
  Marks marks;
  {
    std::lock_guard lock(mutex_);
    std::swap(marks, marks_);
  }
  if (marks.ids.empty()) return absl::OkStatus();
  return database_.AsSystem(
      [&](storage::Transaction& tx) { return MarkSubmitted(tx, marks.account_ids, marks.ids); });
}

}  // namespace mo::inbox
