#include "services/contacts/registrations.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "services/contacts/cards.h"
#include "services/contacts/channel_store.h"
#include "services/contacts/errors.h"
#include "services/contacts/place_store.h"

namespace mo::contacts {
namespace {

// Each round that finds itself overtaken finds more of the others' work done.
constexpr int kRounds = 5;
constexpr int kQrScale = 8;

// The answer that is kept under the caller's idempotency key, if any.
absl::StatusOr<std::optional<v1::Registration>> Kept(storage::Database& database,
                                                     const Caller& caller,
                                                     const v1::RegisterRequest& request) {
  if (caller.idempotency_key.empty()) return std::nullopt;
  const absl::Status none = absl::NotFoundError("no answer is kept");
  absl::StatusOr<v1::Registration> kept = database.Once<v1::Registration>(
      caller, request,
      [&](storage::Transaction&) -> absl::StatusOr<v1::Registration> { return none; });
  if (kept.ok()) return *std::move(kept);
  if (kept.status() == none) return std::nullopt;
  return kept.status();
}

}  // namespace

absl::StatusOr<v1::Registration> Registrations::Register(const Caller& caller,
                                                         const v1::RegisterRequest& request) {
  MO_ASSIGN_OR_RETURN(std::optional<v1::Registration> kept, Kept(database_, caller, request));
  if (kept) return *std::move(kept);
  MO_RETURN_IF_ERROR(CheckChannels(caller, request));
  absl::StatusOr<v1::Registration> done = PlaceLost();
  for (int round = 0; round < kRounds && Overtaken(done.status()); ++round) {
    done = TryRegister(caller, request);
  }
  return Overtaken(done.status()) ? PlaceLost() : done;
}

// A channel that is deleted just after this is joined by nobody: whoever subscribes looks again.
absl::Status Registrations::CheckChannels(const Caller& caller,
                                          const v1::RegisterRequest& request) {
  if (request.channels().empty()) return absl::OkStatus();
  std::vector<int64_t> ids;
  for (const std::string& channel : request.channels()) ids.push_back(IdOf(channel));
  MO_ASSIGN_OR_RETURN(const std::set<int64_t> known,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectChannels(tx, ids);
                      }));
  Problems problems;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (known.count(ids[i]) > 0) continue;
    problems.Add(absl::StrCat("channels[", i, "]"), "NOT_FOUND", "there is no such channel");
  }
  return problems.ToStatus();
}

absl::StatusOr<google::protobuf::Empty> Registrations::SetChannel(
    const Caller& caller, const v1::SetChannelRequest& request) {
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) {
    SaveChannel(tx, IdOf(request.channel_id()), request.exists());
    return absl::OkStatus();
  }));
  return google::protobuf::Empty();
}

absl::StatusOr<v1::Registration> Registrations::TryRegister(const Caller& caller,
                                                            const v1::RegisterRequest& request) {
  MO_ASSIGN_OR_RETURN(const Place place, FindPlace(caller, request));
  if (!place.found()) {
    MO_RETURN_IF_ERROR(places_.Leave(caller.account_id, place.contact_id));
    return place.full;
  }
  MO_ASSIGN_OR_RETURN(
      v1::Registration registration,
      database_.Once<v1::Registration>(
          caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Registration> {
            MO_ASSIGN_OR_RETURN(ContactRow contact, EnterContact(tx, caller, request, place));
            return EnterRegistration(tx, request, place, contact);
          }));
  // Two calls with one idempotency key at once: the other's answer stands, and our place is not
  // needed. With a phone both have the same contact and place.
  if (request.phone().empty() && IdOf(registration.contact_id()) != place.contact_id) {
    MO_RETURN_IF_ERROR(places_.Discard(caller, place.contact_id, request.network()));
  }
  return registration;
}

absl::StatusOr<Place> Registrations::FindPlace(const Caller& caller,
                                               const v1::RegisterRequest& request) {
  const Identity identity{request.network(), "", request.phone()};
  std::optional<ContactRow> found;
  const absl::Time intended = absl::Now();
  MO_ASSIGN_OR_RETURN(
      Intention intention,
      database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<Intention> {
        found.reset();
        // A registration without a phone is always a contact of its own.
        if (!identity.phone.empty()) {
          MO_ASSIGN_OR_RETURN(found, Found(AskByIdentity(tx, identity, Lock::kYes)));
        }
        if (found && found->has_sim()) return Intention(found->id);
        return places_.Intend(tx, found, identity);
      }));
  if (found && found->has_sim()) return places_.Existing(caller, *found);
  MO_ASSIGN_OR_RETURN(const int64_t contact_id, intention.ContactId());
  return places_.Ask(caller, contact_id, identity, "", intended);
}

// The contact with its SIM: as it is, completed, or new.
absl::StatusOr<ContactRow> Registrations::EnterContact(storage::Transaction& tx,
                                                       const Caller& caller,
                                                       const v1::RegisterRequest& request,
                                                       const Place& place) {
  // Of one that has its SIM already there is no place to claim.
  storage::Pending asked = AskContact(tx, place.contact_id, Lock::kYes);
  storage::Pending claim = ClaimPlace(tx, place.contact_id);
  MO_ASSIGN_OR_RETURN(std::optional<ContactRow> found, Found(std::move(asked)));
  if (found && found->has_sim()) return *std::move(found);
  MO_ASSIGN_OR_RETURN(const bool claimed, Claimed(std::move(claim)));
  if (!claimed) return PlaceLost();
  if (found) {
    found->contact.set_sim_id(place.sim.sim_id());
    found->contact.set_etag(absl::StrCat(++found->version));
    SaveContact(tx, *found);
    return *std::move(found);
  }
  ContactRow row;
  row.id = place.contact_id;
  row.version = 1;
  v1::Contact& contact = row.contact;
  contact.set_id(FormatId("con", row.id));
  contact.set_network(request.network());
  if (AddressIsPhone(request.network())) contact.set_address(request.phone());
  contact.set_phone(request.phone());
  contact.set_display_name(request.display_name());
  contact.set_language(request.language());
  contact.set_time_zone(request.time_zone());
  contact.set_state(v1::CONTACT_STATE_PENDING);
  contact.set_sim_id(place.sim.sim_id());
  *contact.mutable_attributes() = request.attributes();
  *contact.mutable_create_time() = ToProto(app_.clock().Now());
  contact.set_etag("1");
  InsertContact(tx, row);
  v1::ContactRegistered event;
  *event.mutable_contact() = contact;
  MO_RETURN_IF_ERROR(outbox_.Append(tx, caller.account_id, contact.id(), event, caller.request_id));
  return row;
}

absl::StatusOr<v1::Registration> Registrations::EnterRegistration(
    storage::Transaction& tx, const v1::RegisterRequest& request, const Place& place,
    const ContactRow& contact) {
  RegistrationRow row;
  v1::Registration& registration = row.registration;
  registration.set_id(FormatId("reg", app_.ids().Next()));
  registration.set_contact_id(contact.contact.id());
  registration.set_network(request.network());
  registration.set_sim_address(place.sim.address());
  registration.set_sim_display_name(place.sim.display_name());
  registration.set_contact_state(contact.contact.state());
  *registration.mutable_create_time() = ToProto(app_.clock().Now());
  *registration.mutable_channel_ids() = request.channels();
  // A first message from a known address needs no mark to be known by; all others carry one.
  const bool known = AddressIsPhone(request.network()) && !request.phone().empty();
  if (!known) row.link_text = registration.id();
  row.language = request.language();
  InsertRegistration(tx, row);
  return Shown(row);
}

absl::StatusOr<v1::Registration> Registrations::Get(const Caller& caller,
                                                    const v1::GetRegistrationRequest& request) {
  MO_ASSIGN_OR_RETURN(const RegistrationRow row, Select(caller, request.id()));
  return Shown(row);
}

absl::StatusOr<google::api::HttpBody> Registrations::Vcard(
    const Caller& caller, const v1::GetRegistrationVcardRequest& request) {
  MO_ASSIGN_OR_RETURN(const RegistrationRow row, Select(caller, request.id()));
  const v1::Registration& registration = row.registration;
  const std::string& name = registration.sim_display_name();
  google::api::HttpBody body;
  body.set_content_type("text/vcard; charset=utf-8");
  body.set_data(VCard(name.empty() ? registration.sim_address() : name, registration.network(),
                      registration.sim_address()));
  return body;
}

absl::StatusOr<google::api::HttpBody> Registrations::Qr(
    const Caller& caller, const v1::GetRegistrationQrRequest& request) {
  MO_ASSIGN_OR_RETURN(const RegistrationRow row, Select(caller, request.id()));
  const bool png = request.format() == "png";
  const std::string link = Shown(row).deep_link();
  MO_ASSIGN_OR_RETURN(std::string image, png ? QrPng(link, kQrScale) : QrSvg(link));
  google::api::HttpBody body;
  body.set_content_type(png ? "image/png" : "image/svg+xml");
  body.set_data(std::move(image));
  return body;
}

absl::StatusOr<RegistrationRow> Registrations::Select(const Caller& caller, const std::string& id) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectRegistration(tx, IdOf(id));
  });
}

v1::Registration Registrations::Shown(const RegistrationRow& row) const {
  v1::Registration shown = row.registration;
  const std::string url = absl::StrCat(app_.options().public_url, "/v1/registrations/", shown.id());
  shown.set_deep_link(DeepLink(shown.network(), shown.sim_address(), row.link_text));
  shown.set_vcard_url(url + "/vcard");
  shown.set_qr_svg_url(url + "/qr?format=svg");
  shown.set_qr_png_url(url + "/qr?format=png");
  return shown;
}

}  // namespace mo::contacts
