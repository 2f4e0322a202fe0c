// The SIM pool of an account: what SimService does.
#pragma once

#include "google/protobuf/empty.pb.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/gateway.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// SIMs, their states, agent tokens and groups.
class Pool {
 public:
  Pool(App& app, storage::Database& database, events::Outbox& outbox, Gateway& gateway)
      : app_(app), database_(database), outbox_(outbox), gateway_(gateway) {}

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
  absl::StatusOr<v1::GetOccupancyResponse> Occupancy(const Caller& caller);
  absl::StatusOr<v1::CreateAgentTokenResponse> CreateToken(
      const Caller& caller, const v1::CreateAgentTokenRequest& request);
  absl::StatusOr<v1::ListGroupsResponse> ListGroups(const Caller& caller,
                                                    const v1::ListGroupsRequest& request);
  absl::StatusOr<v1::JoinGroupResponse> JoinGroup(const Caller& caller,
                                                  const v1::JoinGroupRequest& request);

 private:
  absl::Status Changed(storage::Transaction& tx, const v1::Sim& sim, const Caller& caller);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Gateway& gateway_;
};

// SHA-256 of a token: only this is stored. Tokens are 256 random bits, so a plain hash is enough.
std::string HashToken(absl::string_view token);

}  // namespace mo::sims
