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

absl::StatusOr<int64_t> Places::Intend(storage::Transaction& tx,
                                       const std::optional<ContactRow>& found, Network network,
                                       const std::string& key) {
  const absl::Time now = app_.clock().Now();
  if (!found) return JoinNewPlace(tx, app_.ids().Next(), network, key, now);
  MO_RETURN_IF_ERROR(JoinPlaceOf(tx, *found, now));
  return found->id;
}

absl::StatusOr<Place> Places::Ask(const Caller& caller, int64_t contact_id, Network network,
                                  const std::string& sim_id, absl::Time intended) {
  // The deadline counts from the intention and travels with the call: however long this process
  // sleeps here, sims gives no place that the sweeper has given up already.
  Caller bounded = caller.WithKey("");
  bounded.deadline = std::min(caller.deadline, intended + kDoubt / 3);
  sims_v1::AllocateRequest request;
  request.set_contact_id(FormatId("con", contact_id));
  request.set_network(network);
  request.set_sim_id(sim_id);
  absl::StatusOr<sims_v1::AllocateResponse> sim =
      allocation_.Call(&sims_v1::AllocationService::Stub::Allocate, bounded, request);
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
  return database_.As(account_id,
                      [&](storage::Transaction& tx) { return LeavePlace(tx, contact_id); });
}

absl::Status Places::Discard(const Caller& caller, int64_t contact_id, Network network) {
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) {
    return CondemnPlace(tx, contact_id, network, app_.clock().Now());
  }));
  return GiveUp(caller, contact_id);
}

absl::Status Places::GiveUp(const Caller& caller, int64_t contact_id) {
  sims_v1::ReleaseRequest request;
  request.set_contact_id(FormatId("con", contact_id));
  MO_RETURN_IF_ERROR(
      allocation_.Call(&sims_v1::AllocationService::Stub::Release, caller.WithKey(""), request)
          .status());
  return database_.As(caller.account_id,
                      [&](storage::Transaction& tx) { return DeletePlace(tx, contact_id); });
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
