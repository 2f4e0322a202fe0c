// The SIM pool of an account: what SimService does.
#pragma once

#include <optional>
#include <set>
#include <utility>

#include "google/protobuf/empty.pb.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/credential_probe.h"
#include "services/sims/credentials.h"
#include "services/sims/gateway.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// SIMs, their states, agent tokens and groups.
class Pool {
 public:
  Pool(App& app, storage::Database& database, events::Outbox& outbox, Gateway& gateway,
       const Credentials& credentials, SimDrivers& drivers, CredentialProbe& probe)
      : app_(app),
        database_(database),
        outbox_(outbox),
        gateway_(gateway),
        credentials_(credentials),
        drivers_(drivers),
        probe_(probe) {}

  absl::StatusOr<v1::Sim> Create(const Caller& caller, const v1::CreateSimRequest& request);
  absl::StatusOr<v1::Sim> Get(const Caller& caller, const v1::GetSimRequest& request);
  absl::StatusOr<v1::ListSimsResponse> List(const Caller& caller,
                                            const v1::ListSimsRequest& request);
  absl::StatusOr<v1::Sim> Update(const Caller& caller, const v1::UpdateSimRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteSimRequest& request);
  // Pause, resume, drain.
  absl::StatusOr<v1::Sim> SetState(const Caller& caller, const google::protobuf::Message& request,
                                   const std::string& id, v1::SimState state);
  absl::StatusOr<v1::ListSimHistoryResponse> ListHistory(const Caller& caller,
                                                         const v1::ListSimHistoryRequest& request);
  absl::StatusOr<v1::GetOccupancyResponse> Occupancy(const Caller& caller);
  absl::StatusOr<v1::CreateAgentTokenResponse> CreateToken(
      const Caller& caller, const v1::CreateAgentTokenRequest& request);
  absl::StatusOr<v1::ListGroupsResponse> ListGroups(const Caller& caller,
                                                    const v1::ListGroupsRequest& request);

 private:
  // A SIM as it is shown.
  absl::StatusOr<v1::Sim> Select(storage::Transaction& tx, int64_t id, bool lock = false);
  // What was answered to this request before, if it has been.
  absl::StatusOr<std::optional<v1::Sim>> Kept(const Caller& caller,
                                              const google::protobuf::Message& request);
  // A SIM's driver as it is, and as an update wants it.
  absl::StatusOr<std::pair<v1::Driver, v1::Driver>> Merged(storage::Transaction& tx,
                                                           const v1::UpdateSimRequest& request,
                                                           const std::set<std::string>& fields,
                                                           v1::Sim sim);
  // The same, once the provider has been asked about what would change.
  absl::StatusOr<v1::Driver> ProbeDriver(const Caller& caller, const v1::UpdateSimRequest& request,
                                         const std::set<std::string>& fields);
  // Applies an update to the SIM's driver and keeps it, if it becomes what was probed.
  absl::Status ChangeDriver(storage::Transaction& tx, const v1::UpdateSimRequest& request,
                            const std::set<std::string>& fields, const v1::Sim& sim,
                            const v1::Driver& probed);
  // Notes a new SIM in its history, and tells of it.
  absl::Status Created(storage::Transaction& tx, const v1::Sim& sim, const Caller& caller);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Gateway& gateway_;
  const Credentials& credentials_;
  SimDrivers& drivers_;
  CredentialProbe& probe_;
};

// SHA-256 of a token: only this is stored. Tokens are 256 random bits, so a plain hash is enough.
std::string HashToken(absl::string_view token);

}  // namespace mo::sims
