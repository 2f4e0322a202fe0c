#include "services/contacts/places.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/contacts/place_store.h"

namespace mo::contacts {
namespace {

constexpr int kSweepBatch = 100;

}  // namespace

bool Overtaken(const absl::Status& status) {
  if (ReasonOf(status) == "CONTACT_BUSY") return true;
  for (const char* constraint :
       {"contacts_pkey", "contacts_address", "places_key", "inbound_seen_pkey"}) {
    if (storage::Violates(status, constraint)) return true;
  }
  return false;
}

absl::StatusOr<int64_t> Intention::ContactId() {
  if (!joined_) return contact_id_;
  MO_ASSIGN_OR_RETURN(const storage::Result rows, joined_->Get());
  return rows[0].Int(0);
}

absl::StatusOr<Intention> Places::Intend(storage::Transaction& tx,
                                         const std::optional<ContactRow>& found,
                                         const Identity& identity) {
  const absl::Time now = app_.clock().Now();
  if (!found) return Intention(JoinNewPlace(tx, app_.ids().Next(), identity, now));
  MO_RETURN_IF_ERROR(JoinPlaceOf(tx, *found, now));
  return Intention(found->id);
}

absl::StatusOr<Place> Places::Ask(const Caller& caller, int64_t contact_id,
                                  const Identity& identity, const std::string& sim_id,
                                  absl::Time intended) {
  // The deadline counts from the intention and travels with the call: however long this process
  // sleeps here, sims gives no place that the sweeper has given up already.
  Caller bounded = caller.WithKey("");
  bounded.deadline = std::min(caller.deadline, intended + kDoubt / 3);
  sims_v1::AllocateRequest request;
  request.set_contact_id(FormatId("con", contact_id));
  request.set_network(identity.network);
  request.set_phone(identity.phone);
  request.set_sim_id(sim_id);
  absl::StatusOr<sims_v1::AllocateResponse> sim =
      allocation_.Call(MO_METHOD(sims_v1::AllocationService, Allocate), bounded, request);
  Place place;
  place.contact_id = contact_id;
  if (ReasonOf(sim.status()) == "SIM_POOL_FULL") {
    place.full = sim.status();
    return place;
  }
  if (!sim.ok()) return sim.status();
  place.sim = *std::move(sim);
  return place;
}

absl::StatusOr<Place> Places::Existing(const Caller& caller, const ContactRow& row) {
  sims_v1::GetSimRequest request;
  request.set_id(row.contact.sim_id());
  MO_ASSIGN_OR_RETURN(sims_v1::Sim sim,
                      sims_.Call(&sims_v1::SimService::Stub::GetSim, caller.WithKey(""), request));
  Place place;
  place.contact_id = row.id;
  place.sim.set_sim_id(sim.id());
  place.sim.set_address(sim.address());
  place.sim.set_display_name(sim.display_name());
  return place;
}

absl::Status Places::Leave(int64_t account_id, int64_t contact_id) {
  return database_.As(account_id, [&](storage::Transaction& tx) {
    LeavePlace(tx, contact_id);
    return absl::OkStatus();
  });
}

absl::Status Places::Discard(const Caller& caller, int64_t contact_id, Network network) {
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) {
    CondemnPlaces(tx, {contact_id}, network, app_.clock().Now());
    return absl::OkStatus();
  }));
  return GiveUp(caller, contact_id);
}

absl::Status Places::GiveUp(const Caller& caller, int64_t contact_id) {
  sims_v1::ReleaseRequest request;
  request.set_contact_id(FormatId("con", contact_id));
  MO_RETURN_IF_ERROR(
      allocation_.Call(&sims_v1::AllocationService::Stub::Release, caller.WithKey(""), request)
          .status());
  return database_.As(caller.account_id, [&](storage::Transaction& tx) {
    DeletePlace(tx, contact_id);
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Places::Sweep() {
  MO_ASSIGN_OR_RETURN(const std::vector<ContactKey> condemned,
                      database_.AsSystem([&](storage::Transaction& tx) {
                        return CondemnOldPlaces(tx, app_.clock().Now() - kDoubt, kSweepBatch);
                      }));
  for (const ContactKey& key : condemned) {
    MO_RETURN_IF_ERROR(GiveUp(ServiceCaller("contacts", key.account_id), key.id));
  }
  return condemned.size() == kSweepBatch;
}

}  // namespace mo::contacts
