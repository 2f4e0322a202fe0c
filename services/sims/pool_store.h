// Tables of the SIM pool: sims, leases, groups.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// Fails with ALREADY_EXISTS "sims_address".
absl::Status InsertSim(storage::Transaction& tx, int64_t id, const v1::Sim& sim);
// SIM_NOT_FOUND when it is not there; `lock` keeps it for an update.
absl::StatusOr<v1::Sim> SelectSim(storage::Transaction& tx, int64_t id, absl::Time now,
                                  bool lock = false);
// The same for the system role, which sees all accounts.
absl::StatusOr<v1::Sim> SelectSimOf(storage::Transaction& tx, int64_t account_id, int64_t id,
                                    absl::Time now);
// SIMs with an id below `before`, newest first; of one network unless UNSPECIFIED.
absl::StatusOr<std::vector<v1::Sim>> SelectSims(storage::Transaction& tx, int64_t before,
                                                int32_t limit, common::Network network,
                                                absl::Time now);
// Writes the changeable fields, not the state (sim_states.h); the version grows.
void UpdateSim(storage::Transaction& tx, int64_t id, const v1::Sim& sim);
// False when contacts are allocated to it.
absl::StatusOr<bool> DeleteSim(storage::Transaction& tx, int64_t id);
absl::Status UpdateToken(storage::Transaction& tx, int64_t id, absl::string_view hash);
absl::StatusOr<v1::GetOccupancyResponse> SelectOccupancy(storage::Transaction& tx);
// Groups whose id follows `after`, by id.
absl::StatusOr<std::vector<v1::Group>> SelectGroups(storage::Transaction& tx, int64_t sim_id,
                                                    const std::string& after, int32_t limit);

// The SIM that a token belongs to, over all accounts (system role).
struct TokenOwner {
  int64_t account_id = 0;
  int64_t sim_id = 0;
};
absl::StatusOr<std::optional<TokenOwner>> SelectTokenOwner(storage::Transaction& tx,
                                                           absl::string_view hash);
// Takes the lease of a SIM from whoever has it; the result is the new epoch.
storage::Pending TakeLease(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                           absl::Time expire_time);
// Extends leases that are still at their epochs, each until its time; the SIMs whose lease is lost
// are left out of the answer, the others are in it with their rows' versions.
absl::StatusOr<absl::flat_hash_map<int64_t, int64_t>> RenewLeases(
    storage::Transaction& tx, const std::vector<int64_t>& sim_ids,
    const std::vector<int64_t>& epochs, const std::vector<absl::Time>& expire_times);
// Gives up a lease if it is still at the epoch; whether it was.
absl::StatusOr<bool> DropLease(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                               int64_t epoch);

}  // namespace mo::sims
