#include "services/contacts/inbound.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "services/contacts/errors.h"
#include "services/contacts/place_store.h"
#include "services/contacts/registration_store.h"

namespace mo::contacts {
namespace {

// Each round that finds itself overtaken finds more of the others' work done.
constexpr int kRounds = 5;

bool Overtaken(const absl::Status& status) {
  return ReasonOf(status) == "CONTACT_BUSY" || storage::Violates(status, "contacts_pkey") ||
         storage::Violates(status, "contacts_address") ||
         storage::Violates(status, "inbound_seen_pkey");
}

// The sender's phone number where the network vouches for one, else empty.
std::string PhoneOf(const v1::RecordInboundRequest& request) {
  if (absl::StartsWith(request.sender_phone(), "+")) return request.sender_phone();
  const bool plus = absl::StartsWith(request.sender_address(), "+");
  return AddressIsPhone(request.network()) && plus ? request.sender_address() : "";
}

// Takes over what the message tells of its sender; true when anything is new.
bool Learn(const v1::RecordInboundRequest& request, v1::Contact& contact) {
  bool learned = false;
  auto fill = [&](const std::string& known, const std::string& told, auto set) {
    if (!known.empty() || told.empty()) return;
    set(told);
    learned = true;
  };
  fill(contact.phone(), PhoneOf(request), [&](const auto& v) { contact.set_phone(v); });
  fill(contact.display_name(), request.sender_name(),
       [&](const auto& v) { contact.set_display_name(v); });
  // A contact registered by phone is from now on known by what the network calls it.
  if (contact.address().empty() ||
      (contact.address() == contact.phone() && contact.phone() != request.sender_address() &&
       !absl::StartsWith(request.sender_address(), "+"))) {
    contact.set_address(request.sender_address());
    learned = true;
  }
  return learned;
}

}  // namespace

absl::StatusOr<v1::RecordInboundResponse> Inbound::Record(const Caller& caller,
                                                          const v1::RecordInboundRequest& request) {
  absl::StatusOr<Step> step = PlaceLost();
  for (int round = 0; round < kRounds && Overtaken(step.status()); ++round) {
    step = TryRecord(caller, request);
  }
  if (!step.ok()) return Overtaken(step.status()) ? PlaceLost() : step.status();
  if (!step->settled) {
    MO_RETURN_IF_ERROR(suppression_.Settle(caller, IdOf(step->response->contact().id())));
  }
  return *std::move(step->response);
}

absl::StatusOr<Inbound::Step> Inbound::TryRecord(const Caller& caller,
                                                 const v1::RecordInboundRequest& request) {
  const absl::Time intended = absl::Now();
  auto decide = [&](const Place* place) {
    return database_.As(caller.account_id, [&](storage::Transaction& tx) {
      return Decide(tx, caller, request, place);
    });
  };
  absl::StatusOr<Step> step = decide(nullptr);
  if (!step.ok() || step->response) return step;
  MO_ASSIGN_OR_RETURN(const Place place, places_.Ask(caller, step->place_for, request.network(),
                                                     request.sim_id(), intended));
  return decide(&place);
}

absl::StatusOr<Inbound::Step> Inbound::Decide(storage::Transaction& tx, const Caller& caller,
                                              const v1::RecordInboundRequest& request,
                                              const Place* place) {
  MO_ASSIGN_OR_RETURN(std::optional<InboundSeen> seen, SelectSeen(tx, request.inbound_id()));
  if (seen) {
    MO_ASSIGN_OR_RETURN(ContactRow row, SelectContact(tx, seen->contact_id));
    Step step;
    step.response.emplace();
    *step.response->mutable_contact() = std::move(row.contact);
    step.response->set_outcome(seen->outcome);
    for (const std::string& id : seen->channel_ids) step.response->add_channel_ids(id);
    step.settled = row.suppress_synced;
    return step;
  }
  MO_ASSIGN_OR_RETURN(Sender sender, FindSender(tx, request));
  if (sender.row && sender.row->has_sim()) {
    // Found meanwhile with another number than the one asked for: the sweeper gives that place up.
    return Accept(tx, caller, request, std::move(sender), /*is_new=*/false);
  }
  if (place == nullptr) return Intend(tx, request, sender);
  if (!place->found()) return KeepWithoutSim(tx, request, std::move(sender), place->contact_id);
  if (sender.row && sender.row->id != place->contact_id) return PlaceLost();
  MO_ASSIGN_OR_RETURN(const bool claimed, ClaimPlace(tx, place->contact_id));
  if (!claimed) return PlaceLost();
  const bool is_new = !sender.row;
  if (is_new) sender.row = NewContact(request, place->contact_id);
  sender.row->contact.set_sim_id(place->sim.sim_id());
  return Accept(tx, caller, request, std::move(sender), is_new);
}

absl::StatusOr<Inbound::Sender> Inbound::FindSender(storage::Transaction& tx,
                                                    const v1::RecordInboundRequest& request) {
  Sender sender;
  MO_ASSIGN_OR_RETURN(sender.row,
                      SelectByAddress(tx, request.network(), request.sender_address(), Lock::kYes));
  // A number that the network vouches for is the same customer, whichever way it was known first.
  if (!sender.row && AddressIsPhone(request.network()) && !PhoneOf(request).empty()) {
    MO_ASSIGN_OR_RETURN(sender.row,
                        SelectByPhone(tx, request.network(), PhoneOf(request), Lock::kYes));
  }
  if (ParseId("reg", request.start_payload())) {
    MO_RETURN_IF_ERROR(FollowPayload(tx, request, sender));
  }
  return sender;
}

absl::Status Inbound::FollowPayload(storage::Transaction& tx,
                                    const v1::RecordInboundRequest& request, Sender& sender) {
  absl::StatusOr<RegistrationRow> found = SelectRegistration(tx, IdOf(request.start_payload()));
  if (ReasonOf(found.status()) == "REGISTRATION_NOT_FOUND") return absl::OkStatus();
  MO_RETURN_IF_ERROR(found.status());
  const v1::Registration& registration = found->registration;
  const int64_t contact_id = IdOf(registration.contact_id());
  if (sender.row && sender.row->id == contact_id) {
    sender.registration_id = IdOf(registration.id());
    return absl::OkStatus();
  }
  absl::StatusOr<ContactRow> pending = SelectContact(tx, contact_id, Lock::kYes);
  if (ReasonOf(pending.status()) == "CONTACT_NOT_FOUND") return absl::OkStatus();
  MO_RETURN_IF_ERROR(pending.status());
  const v1::Contact& contact = pending->contact;
  // A link that was passed on, or one of another SIM, registers nobody.
  if (contact.state() != v1::CONTACT_STATE_PENDING || !contact.address().empty() ||
      contact.network() != request.network() || contact.sim_id() != request.sim_id()) {
    return absl::OkStatus();
  }
  sender.registration_id = IdOf(registration.id());
  if (!sender.row) {
    sender.row = *std::move(pending);
    return absl::OkStatus();
  }
  // Known already: it keeps its SIM and gets the registration; the pending double goes.
  MO_RETURN_IF_ERROR(MoveRegistrations(tx, contact_id, sender.row->id));
  MO_RETURN_IF_ERROR(DeleteContact(tx, contact_id));
  return CondemnPlace(tx, contact_id, request.network(), app_.clock().Now());
}

absl::StatusOr<Inbound::Step> Inbound::Intend(storage::Transaction& tx,
                                              const v1::RecordInboundRequest& request,
                                              const Sender& sender) {
  // The same key as Register's, so that both share one place.
  const std::string phone = AddressIsPhone(request.network()) ? PhoneOf(request) : "";
  Step step;
  MO_ASSIGN_OR_RETURN(step.place_for,
                      places_.Intend(tx, sender.row, request.network(),
                                     phone.empty() ? request.sender_address() : phone));
  if (!sender.row) {
    // Whoever ended an intention for this sender just before ours has committed the contact by now;
    // ours is rolled back then.
    MO_ASSIGN_OR_RETURN(const Sender late, FindSender(tx, request));
    if (late.row) return PlaceLost();
  }
  return step;
}

absl::StatusOr<Inbound::Step> Inbound::Accept(storage::Transaction& tx, const Caller& caller,
                                              const v1::RecordInboundRequest& request,
                                              Sender sender, bool is_new) {
  ContactRow& row = *sender.row;
  v1::Contact& contact = row.contact;
  const absl::Time time = TimeOf(request);
  const v1::ContactState before = contact.state();
  const bool known = !is_new && before == v1::CONTACT_STATE_ACTIVE;
  InboundSeen seen{row.id, v1::INBOUND_OUTCOME_KNOWN, {}};
  const bool learned = Learn(request, contact);
  *contact.mutable_last_inbound_time() =
      ToProto(std::max(time, FromProto(contact.last_inbound_time())));
  if (known) {
    if (learned) contact.set_etag(absl::StrCat(++row.version));
    MO_RETURN_IF_ERROR(SaveContact(tx, row));
    if (sender.registration_id != 0) {
      MO_ASSIGN_OR_RETURN(seen.channel_ids, TakeChannels(tx, row.id, sender.registration_id));
    }
    return Answer(tx, request, row, std::move(seen));
  }
  const bool stopped = before == v1::CONTACT_STATE_STOPPED;
  seen.outcome = is_new    ? v1::INBOUND_OUTCOME_REGISTERED
                 : stopped ? v1::INBOUND_OUTCOME_REACTIVATED
                           : v1::INBOUND_OUTCOME_ACTIVATED;
  contact.set_state(v1::CONTACT_STATE_ACTIVE);
  if (!contact.has_activate_time()) *contact.mutable_activate_time() = ToProto(time);
  contact.clear_stop_time();
  contact.set_etag(absl::StrCat(++row.version));
  if (stopped) row.suppress_synced = false;
  MO_RETURN_IF_ERROR(is_new ? InsertContact(tx, row) : SaveContact(tx, row));
  MO_RETURN_IF_ERROR(
      AppendConsent(tx, row.id, Consent::kOptIn, time, request.inbound_id(), "message"));
  MO_ASSIGN_OR_RETURN(seen.channel_ids, TakeChannels(tx, row.id));
  v1::ContactActivated event;
  *event.mutable_contact() = contact;
  event.set_outcome(seen.outcome);
  MO_RETURN_IF_ERROR(outbox_.Append(tx, caller.account_id, contact.id(), event, caller.request_id));
  return Answer(tx, request, row, std::move(seen));
}

absl::StatusOr<Inbound::Step> Inbound::KeepWithoutSim(storage::Transaction& tx,
                                                      const v1::RecordInboundRequest& request,
                                                      Sender sender, int64_t place_id) {
  MO_RETURN_IF_ERROR(LeavePlace(tx, place_id));
  const bool is_new = !sender.row;
  if (is_new) sender.row = NewContact(request, place_id);
  ContactRow& row = *sender.row;
  if (Learn(request, row.contact)) row.contact.set_etag(absl::StrCat(++row.version));
  *row.contact.mutable_last_inbound_time() =
      ToProto(std::max(TimeOf(request), FromProto(row.contact.last_inbound_time())));
  MO_RETURN_IF_ERROR(is_new ? InsertContact(tx, row) : SaveContact(tx, row));
  return Answer(tx, request, row, InboundSeen{row.id, v1::INBOUND_OUTCOME_NO_ROOM, {}});
}

absl::StatusOr<Inbound::Step> Inbound::Answer(storage::Transaction& tx,
                                              const v1::RecordInboundRequest& request,
                                              const ContactRow& row, InboundSeen seen) {
  MO_RETURN_IF_ERROR(InsertSeen(tx, request.inbound_id(), seen, app_.clock().Now()));
  Step step;
  step.response.emplace();
  *step.response->mutable_contact() = row.contact;
  step.response->set_outcome(seen.outcome);
  for (std::string& id : seen.channel_ids) step.response->add_channel_ids(std::move(id));
  step.settled = row.suppress_synced;
  return step;
}

ContactRow Inbound::NewContact(const v1::RecordInboundRequest& request, int64_t id) const {
  ContactRow row;
  row.id = id;
  row.version = 0;
  row.contact.set_id(FormatId("con", id));
  row.contact.set_network(request.network());
  row.contact.set_state(v1::CONTACT_STATE_PENDING);
  *row.contact.mutable_create_time() = ToProto(app_.clock().Now());
  return row;
}

absl::Time Inbound::TimeOf(const v1::RecordInboundRequest& request) const {
  // A network whose clock is ahead must not open its window for longer.
  const absl::Time now = app_.clock().Now();
  return request.has_time() ? std::min(FromProto(request.time()), now) : now;
}

}  // namespace mo::contacts
