#include "services/contacts/wishes.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "services/contacts/consent_store.h"

namespace mo::contacts {
namespace {

namespace sims_v1 = messageorganizer::sims::v1;

// Who has declared what a network reports, in the ledger of consent.
constexpr char kNetwork[] = "network";

// Networks tell whole seconds, and what a message was refused for has our own clock's time: who
// comes back in the second of the stop does so after it.
constexpr absl::Duration kSameTime = absl::Seconds(2);

Identity KnownBy(Network network, const std::string& address) {
  return {network, address, AddressIsPhone(network) ? address : ""};
}

// As it is kept.
absl::Time TimeOf(const sims_v1::ConsentReported& wish) {
  return absl::FromUnixMicros(absl::ToUnixMicros(FromProto(wish.time())));
}

// Whether a stop is older than the network's word that it is over: of a message that was refused
// while that was on its way. In the same second nobody can say; if it was a new one, the next
// message is refused and tells.
bool IsOutdated(absl::Time stop, const Declared& last) {
  return last.kind == Consent::kOptIn && last.how == kNetwork &&
         absl::ToUnixSeconds(stop) <= absl::ToUnixSeconds(last.time);
}

}  // namespace

Wishes::Wishes(App& app, storage::Database& database, events::Outbox& outbox,
               Suppression& suppression)
    : app_(app),
      database_(database),
      outbox_(outbox),
      suppression_(suppression),
      stopped_(app.metrics().Counter("mo_contacts_network_stops_total",
                                     "Contacts that were stopped because their network said so")),
      resumed_(app.metrics().Counter("mo_contacts_network_resumes_total",
                                     "Such contacts that came back in the same way")),
      moved_(app.metrics().Counter("mo_contacts_moved_total",
                                   "Contacts that go by another address now")),
      taken_(app.metrics().Counter("mo_contacts_move_conflicts_total",
                                   "New addresses that another contact had already")) {}

bool Wishes::Wants(const events::Event& event) {
  return event.envelope.type() == Wish::descriptor()->full_name() ||
         event.envelope.type() == Move::descriptor()->full_name();
}

absl::Status Wishes::Handle(const std::vector<events::Event>& batch) {
  for (const events::Event& event : batch) {
    if (const auto wish = events::As<Wish>(event)) {
      MO_RETURN_IF_ERROR(Heed(event, *wish));
    } else if (const auto move = events::As<Move>(event)) {
      MO_RETURN_IF_ERROR(Follow(event, *move));
    }
  }
  return absl::OkStatus();
}

absl::Status Wishes::Heed(const events::Event& event, const Wish& wish) {
  const int64_t account_id = event.envelope.account_id();
  MO_ASSIGN_OR_RETURN(
      const int64_t changed,
      database_.As(account_id, [&](storage::Transaction& tx) { return Apply(tx, event, wish); }));
  if (changed == 0) return absl::OkStatus();
  // Nobody waits for this one: if sims does not answer, the worker tells it a little later.
  suppression_.Settle(ServiceCaller("contacts", account_id, event.envelope.request_id()), changed)
      .IgnoreError();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Wishes::Apply(storage::Transaction& tx, const events::Event& event,
                                      const Wish& wish) {
  MO_ASSIGN_OR_RETURN(
      std::optional<ContactRow> row,
      Found(AskByIdentity(tx, KnownBy(wish.network(), wish.address()), Lock::kYes)));
  if (!row) return 0;
  const int64_t id = row->id;
  const bool stopped = row->contact.state() == v1::CONTACT_STATE_STOPPED;
  if (stopped == wish.stopped()) return 0;
  const bool others = row->has_sim() && row->contact.sim_id() != wish.sim_id();
  if (wish.stopped() && others && !wish.marketing()) return 0;
  MO_ASSIGN_OR_RETURN(const std::vector<Declared> declared, SelectDeclared(tx, id));
  const absl::Time time = TimeOf(wish);
  const Consent kind = wish.stopped() ? Consent::kOptOut : Consent::kOptIn;
  const bool known = std::any_of(declared.begin(), declared.end(), [&](const Declared& each) {
    return each.kind == kind && each.how == kNetwork && each.time == time;
  });
  if (known) return 0;
  if (wish.stopped() && !declared.empty() && IsOutdated(time, declared[0])) return 0;
  if (wish.stopped()) {
    MO_RETURN_IF_ERROR(Stop(tx, event, wish, *std::move(row)));
    return id;
  }
  const bool by_network = !declared.empty() && declared[0].kind == Consent::kOptOut &&
                          declared[0].how == kNetwork && declared[0].time <= time + kSameTime;
  if (!by_network) return 0;
  MO_RETURN_IF_ERROR(Resume(tx, event, wish, *std::move(row)));
  return id;
}

absl::Status Wishes::Stop(storage::Transaction& tx, const events::Event& event, const Wish& wish,
                          ContactRow row) {
  v1::Contact& contact = row.contact;
  v1::ContactStopped told;
  told.set_source(v1::STOP_SOURCE_NETWORK);
  told.set_previous_state(contact.state());
  contact.set_state(v1::CONTACT_STATE_STOPPED);
  *contact.mutable_stop_time() = ToProto(app_.clock().Now());
  contact.set_etag(absl::StrCat(++row.version));
  row.suppress_synced = false;
  SaveContact(tx, row);
  AppendConsent(tx, row.id, Consent::kOptOut, TimeOf(wish), 0, kNetwork);
  *told.mutable_contact() = contact;
  tx.AfterCommit([this] { stopped_.Increment(); });
  return outbox_.Append(tx, tx.account_id(), contact.id(), told, event.envelope.request_id());
}

absl::Status Wishes::Resume(storage::Transaction& tx, const events::Event& event, const Wish& wish,
                            ContactRow row) {
  v1::Contact& contact = row.contact;
  // Who had never written is as little active as before.
  const bool active = contact.has_activate_time() && row.has_sim() && !contact.address().empty();
  v1::ContactActivated told;
  if (contact.has_activate_time()) *told.mutable_inactive_since() = contact.stop_time();
  contact.set_state(active ? v1::CONTACT_STATE_ACTIVE : v1::CONTACT_STATE_PENDING);
  contact.clear_stop_time();
  contact.set_etag(absl::StrCat(++row.version));
  row.suppress_synced = false;
  SaveContact(tx, row);
  AppendConsent(tx, row.id, Consent::kOptIn, TimeOf(wish), 0, kNetwork);
  tx.AfterCommit([this] { resumed_.Increment(); });
  if (!active) return absl::OkStatus();
  *told.mutable_contact() = contact;
  told.set_outcome(v1::INBOUND_OUTCOME_REACTIVATED);
  return outbox_.Append(tx, tx.account_id(), contact.id(), told, event.envelope.request_id());
}

absl::Status Wishes::Follow(const events::Event& event, const Move& move) {
  const absl::Status status = database_.As(
      event.envelope.account_id(), [&](storage::Transaction& tx) { return MoveContact(tx, move); });
  // Somebody with the new address has come just now.
  if (!absl::IsAlreadyExists(status)) return status;
  taken_.Increment();
  return absl::OkStatus();
}

absl::Status Wishes::MoveContact(storage::Transaction& tx, const Move& move) {
  MO_ASSIGN_OR_RETURN(
      std::optional<ContactRow> row,
      Found(AskByIdentity(tx, KnownBy(move.network(), move.old_address()), Lock::kYes)));
  if (!row) return absl::OkStatus();
  v1::Contact& contact = row->contact;
  const bool by_address = contact.address() == move.old_address();
  const bool by_phone = contact.phone() == move.old_address();
  const bool new_phone = by_phone && absl::StartsWith(move.new_address(), "+");
  if (!by_address && !new_phone) return absl::OkStatus();
  if (by_address) {
    MO_ASSIGN_OR_RETURN(
        const std::optional<ContactRow> other,
        Found(AskByIdentity(tx, {move.network(), move.new_address(), ""}, Lock::kNo)));
    if (other && other->id != row->id) {
      tx.AfterCommit([this] { taken_.Increment(); });
      return absl::OkStatus();
    }
    contact.set_address(move.new_address());
  }
  if (new_phone) contact.set_phone(move.new_address());
  contact.set_etag(absl::StrCat(++row->version));
  SaveContact(tx, *row);
  tx.AfterCommit([this] { moved_.Increment(); });
  return absl::OkStatus();
}

}  // namespace mo::contacts
