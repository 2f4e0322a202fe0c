#include "services/contacts/inbound.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "services/contacts/errors.h"
#include "services/contacts/notice_store.h"
#include "services/contacts/place_store.h"
#include "services/contacts/registration_store.h"

namespace mo::contacts {
namespace {

// Each round that finds itself overtaken finds more of the others' work done.
constexpr int kRounds = 5;

// The sender's phone number where the network vouches for one, else empty.
std::string PhoneOf(const v1::RecordInboundRequest& request) {
  if (absl::StartsWith(request.sender_phone(), "+")) return request.sender_phone();
  const bool plus = absl::StartsWith(request.sender_address(), "+");
  return AddressIsPhone(request.network()) && plus ? request.sender_address() : "";
}

// What the sender may be known by already. A number that the network vouches for is the same
// customer, whichever way it was known first.
Identity IdentityOf(const v1::RecordInboundRequest& request) {
  return Identity{request.network(), request.sender_address(),
                  AddressIsPhone(request.network()) ? PhoneOf(request) : ""};
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
  auto decide = [&](const Place* place) -> absl::StatusOr<Step> {
    MO_ASSIGN_OR_RETURN(Step step, database_.As(caller.account_id, [&](storage::Transaction& tx) {
      return Decide(tx, caller, request, place);
    }));
    if (!step.channels) return step;
    MO_ASSIGN_OR_RETURN(std::vector<std::string> channels, ChannelsIn(*std::move(step.channels)));
    for (std::string& id : channels) step.response->add_channel_ids(std::move(id));
    return step;
  };
  absl::StatusOr<Step> step = decide(nullptr);
  if (!step.ok() || step->response) return step;
  MO_ASSIGN_OR_RETURN(const int64_t contact_id, step->intention->ContactId());
  MO_ASSIGN_OR_RETURN(const Place place, places_.Ask(caller, contact_id, IdentityOf(request),
                                                     request.sim_id(), intended));
  return decide(&place);
}

absl::StatusOr<Inbound::Step> Inbound::Decide(storage::Transaction& tx, const Caller& caller,
                                              const v1::RecordInboundRequest& request,
                                              const Place* place) {
  Questions asked;
  // With a place in hand a message that was seen meanwhile fails at InsertSeen.
  if (place == nullptr) asked.seen = AskSeen(tx, request.inbound_id());
  asked.sender = AskByIdentity(tx, IdentityOf(request), Lock::kYes);
  if (const auto registration_id = ParseId("reg", request.start_payload())) {
    asked.linked = AskByRegistration(tx, *registration_id);
  }
  if (place != nullptr && place->found()) asked.claim = ClaimPlace(tx, place->contact_id);
  if (asked.seen) {
    MO_ASSIGN_OR_RETURN(const std::optional<InboundSeen> seen, SeenIn(*asked.seen));
    if (seen && seen->stands) return Repeat(tx, *seen);
    if (seen) DeleteFallenSeen(tx, request.inbound_id());
  }
  MO_ASSIGN_OR_RETURN(Sender sender, FindSender(tx, request, asked));
  const bool has_sim = sender.row && sender.row->has_sim();
  if (asked.claim) {
    MO_ASSIGN_OR_RETURN(const bool claimed, Claimed(*asked.claim));
    // A place that was claimed and is not for this sender stays in doubt: all is undone.
    const bool another = sender.row && sender.row->id != place->contact_id;
    if (has_sim ? claimed : !claimed || another) return PlaceLost();
  }
  // Found meanwhile with another number than the one asked for: the sweeper gives that place up.
  if (has_sim) return Accept(tx, caller, request, std::move(sender), /*is_new=*/false);
  if (place == nullptr) {
    Step step;
    MO_ASSIGN_OR_RETURN(step.intention, places_.Intend(tx, sender.row, IdentityOf(request)));
    return step;
  }
  if (!place->found()) return KeepWithoutSim(tx, request, std::move(sender), place->contact_id);
  const bool is_new = !sender.row;
  if (is_new) sender.row = NewContact(request, place->contact_id);
  sender.row->contact.set_sim_id(place->sim.sim_id());
  return Accept(tx, caller, request, std::move(sender), is_new);
}

// What was answered before, with the contact as it is now.
absl::StatusOr<Inbound::Step> Inbound::Repeat(storage::Transaction& tx, const InboundSeen& seen) {
  MO_ASSIGN_OR_RETURN(ContactRow row, SelectContact(tx, seen.contact_id));
  Step step;
  step.response.emplace();
  *step.response->mutable_contact() = std::move(row.contact);
  step.response->set_outcome(seen.outcome);
  for (const std::string& id : seen.channel_ids) step.response->add_channel_ids(id);
  step.settled = row.suppress_synced;
  return step;
}

absl::StatusOr<Inbound::Sender> Inbound::FindSender(storage::Transaction& tx,
                                                    const v1::RecordInboundRequest& request,
                                                    Questions& asked) {
  Sender sender;
  MO_ASSIGN_OR_RETURN(sender.row, Found(*asked.sender));
  if (!asked.linked) return sender;
  MO_ASSIGN_OR_RETURN(std::optional<ContactRow> linked, Found(*asked.linked));
  if (linked) FollowLink(tx, request, *std::move(linked), sender);
  return sender;
}

// The message carries the link of a registration: of the sender's own, or of a contact that nobody
// has written as yet.
void Inbound::FollowLink(storage::Transaction& tx, const v1::RecordInboundRequest& request,
                         ContactRow linked, Sender& sender) {
  const int64_t registration_id = IdOf(request.start_payload());
  if (sender.row && sender.row->id == linked.id) {
    sender.registration_id = registration_id;
    return;
  }
  const v1::Contact& contact = linked.contact;
  // A link that was passed on, or one of another SIM, registers nobody; an old one of the SIM that
  // the contact had before does, if that SIM still hears.
  if (contact.state() != v1::CONTACT_STATE_PENDING || !contact.address().empty() ||
      contact.network() != request.network() ||
      (contact.sim_id() != request.sim_id() && linked.former_sim_id != IdOf(request.sim_id()))) {
    return;
  }
  sender.registration_id = registration_id;
  if (!sender.row) {
    sender.row = std::move(linked);
    return;
  }
  // Known already: it keeps its SIM and gets the registration; the pending double goes.
  MoveRegistrations(tx, linked.id, sender.row->id);
  DeleteContacts(tx, {linked.id});
  CondemnPlaces(tx, {linked.id}, request.network(), app_.clock().Now());
}

absl::StatusOr<Inbound::Step> Inbound::Accept(storage::Transaction& tx, const Caller& caller,
                                              const v1::RecordInboundRequest& request,
                                              Sender sender, bool is_new) {
  ContactRow& row = *sender.row;
  v1::Contact& contact = row.contact;
  const absl::Time time = TimeOf(request);
  const v1::ContactState before = contact.state();
  const bool learned = Learn(request, contact);
  // The SIM that a contact has is its own, whichever it writes to; only this one may answer now.
  if (row.notice_waits && contact.sim_id() == request.sim_id())
    WakeNotice(tx, row.id, app_.clock().Now());
  *contact.mutable_last_inbound_time() =
      ToProto(std::max(time, FromProto(contact.last_inbound_time())));
  if (!is_new && before == v1::CONTACT_STATE_ACTIVE) {
    if (learned) contact.set_etag(absl::StrCat(++row.version));
    learned ? SaveContact(tx, row) : SaveLastInbound(tx, row);
    std::optional<int64_t> confirmed;
    if (sender.registration_id != 0) confirmed = sender.registration_id;
    return Answer(tx, request, row, v1::INBOUND_OUTCOME_KNOWN, confirmed);
  }
  const bool stopped = before == v1::CONTACT_STATE_STOPPED;
  const v1::InboundOutcome outcome = is_new    ? v1::INBOUND_OUTCOME_REGISTERED
                                     : stopped ? v1::INBOUND_OUTCOME_REACTIVATED
                                               : v1::INBOUND_OUTCOME_ACTIVATED;
  v1::ContactActivated event;
  if (stopped && contact.has_activate_time()) *event.mutable_inactive_since() = contact.stop_time();
  contact.set_state(v1::CONTACT_STATE_ACTIVE);
  if (!contact.has_activate_time()) *contact.mutable_activate_time() = ToProto(time);
  contact.clear_stop_time();
  contact.set_etag(absl::StrCat(++row.version));
  if (stopped) row.suppress_synced = false;
  is_new ? InsertContact(tx, row) : SaveContact(tx, row);
  AppendConsent(tx, row.id, Consent::kOptIn, time, request.inbound_id(), "message");
  *event.mutable_contact() = contact;
  event.set_outcome(outcome);
  MO_RETURN_IF_ERROR(outbox_.Append(tx, caller.account_id, contact.id(), event, caller.request_id));
  // A new contact has no registrations.
  return Answer(tx, request, row, outcome, is_new ? std::nullopt : std::optional<int64_t>(0));
}

Inbound::Step Inbound::KeepWithoutSim(storage::Transaction& tx,
                                      const v1::RecordInboundRequest& request, Sender sender,
                                      int64_t place_id) {
  LeavePlace(tx, place_id);
  const bool is_new = !sender.row;
  if (is_new) sender.row = NewContact(request, place_id);
  ContactRow& row = *sender.row;
  if (Learn(request, row.contact)) row.contact.set_etag(absl::StrCat(++row.version));
  *row.contact.mutable_last_inbound_time() =
      ToProto(std::max(TimeOf(request), FromProto(row.contact.last_inbound_time())));
  is_new ? InsertContact(tx, row) : SaveContact(tx, row);
  return Answer(tx, request, row, v1::INBOUND_OUTCOME_NO_ROOM, std::nullopt);
}

// take_channels: of this registration; 0: of all that the contact has.
Inbound::Step Inbound::Answer(storage::Transaction& tx, const v1::RecordInboundRequest& request,
                              const ContactRow& row, v1::InboundOutcome outcome,
                              std::optional<int64_t> take_channels) {
  const InboundSeen seen{row.id, outcome, {}};
  const absl::Time now = app_.clock().Now();
  Step step;
  if (take_channels) {
    step.channels = InsertSeenTaking(tx, request.inbound_id(), seen, *take_channels, now);
  } else {
    InsertSeen(tx, request.inbound_id(), seen, now);
  }
  step.response.emplace();
  *step.response->mutable_contact() = row.contact;
  step.response->set_outcome(outcome);
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
