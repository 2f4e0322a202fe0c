// What a SIM is driven by, when that is changed.
#include <google/protobuf/util/message_differencer.h>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/sims/driver_settings.h"
#include "services/sims/errors.h"
#include "services/sims/pool.h"

namespace mo::sims {

absl::StatusOr<std::optional<v1::Sim>> Pool::Kept(const Caller& caller,
                                                  const google::protobuf::Message& request) {
  if (caller.idempotency_key.empty()) return std::nullopt;
  const absl::Status none = absl::NotFoundError("no answer is kept");
  absl::StatusOr<v1::Sim> kept = database_.Once<v1::Sim>(
      caller, request, [&](storage::Transaction&) -> absl::StatusOr<v1::Sim> { return none; });
  if (kept.ok()) return *std::move(kept);
  if (kept.status() == none) return std::nullopt;
  return kept.status();
}

absl::StatusOr<std::pair<v1::Driver, v1::Driver>> Pool::Merged(storage::Transaction& tx,
                                                               const v1::UpdateSimRequest& request,
                                                               const std::set<std::string>& fields,
                                                               v1::Sim sim) {
  MO_ASSIGN_OR_RETURN(v1::Driver before, credentials_.Open(tx, IdOf(sim.id())));
  *sim.mutable_driver() = before;
  UpdateDriver(request.sim().driver(), fields, request.update_mask().paths().empty(), sim);
  Problems problems;
  CheckDriver(sim, problems);
  MO_RETURN_IF_ERROR(problems.ToStatus());
  // What is only shown may have been sent back.
  for (v1::Driver* driver : {&before, sim.mutable_driver()}) {
    driver->clear_callback_url();
    driver->clear_secret_fingerprints();
  }
  return std::make_pair(std::move(before), sim.driver());
}

absl::StatusOr<v1::Driver> Pool::ProbeDriver(const Caller& caller,
                                             const v1::UpdateSimRequest& request,
                                             const std::set<std::string>& fields) {
  std::pair<v1::Driver, v1::Driver> drivers;
  std::string address;
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(const v1::Sim sim, Select(tx, IdOf(request.sim().id())));
    MO_ASSIGN_OR_RETURN(drivers, Merged(tx, request, fields, sim));
    address = sim.address();
    return absl::OkStatus();
  }));
  // What was read is written back: a provider that is down now must not be in the way.
  const bool same =
      google::protobuf::util::MessageDifferencer::Equals(drivers.first, drivers.second);
  if (!same) MO_RETURN_IF_ERROR(probe_.Check(drivers.second, address));
  return drivers.second;
}

absl::Status Pool::ChangeDriver(storage::Transaction& tx, const v1::UpdateSimRequest& request,
                                const std::set<std::string>& fields, const v1::Sim& sim,
                                const v1::Driver& probed) {
  MO_ASSIGN_OR_RETURN(const auto drivers, Merged(tx, request, fields, sim));
  if (!google::protobuf::util::MessageDifferencer::Equals(drivers.second, probed)) return SimBusy();
  tx.AfterCommit([this] { drivers_.Forget(); });
  return credentials_.Save(tx, IdOf(sim.id()), drivers.second);
}

}  // namespace mo::sims
