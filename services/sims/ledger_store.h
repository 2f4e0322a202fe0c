// Tables of the dispatch ledger, as its callers use them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Those of the keys under which there is a dispatch.
absl::StatusOr<std::set<std::string>> SelectKnownKeys(storage::Transaction& tx,
                                                      const std::vector<std::string>& keys);
// Locks on the names of groups until the transaction ends, shared with others who do this.
void ShareGroups(storage::Transaction& tx, const std::set<std::string>& groups);
// A lock on a group's name for itself, until the transaction ends, and what is asked of the group;
// RUN when it was never controlled.
absl::StatusOr<v1::GroupControl> LockControl(storage::Transaction& tx, const std::string& group);
void UpsertControl(storage::Transaction& tx, const std::string& group, v1::GroupControl control);
// Puts a control on the group's open dispatches; the SIMs concerned.
absl::StatusOr<std::vector<int64_t>> UpdateControls(storage::Transaction& tx,
                                                    const std::string& group,
                                                    v1::GroupControl control, absl::Time now);
// Inserts a dispatch with its state as its group's control wants it: its id, its status bytes, and
// whether it is open. The result is empty when its key is there already or its SIM is not.
storage::Pending InsertDispatch(storage::Transaction& tx, const v1::Dispatch& dispatch,
                                absl::Time now);

// A dispatch's status and what names it.
struct DispatchStatus {
  int64_t id = 0;
  int64_t sim_id = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  std::string key;
  std::string status;
};
// Locks up to `limit` open dispatches of a group in which somebody is queued.
absl::StatusOr<std::vector<DispatchStatus>> LockQueued(storage::Transaction& tx,
                                                       const std::string& group, int32_t limit);
void UpdateStatuses(storage::Transaction& tx, const std::vector<DispatchStatus>& rows,
                    absl::Time now);
// The statuses of all dispatches of a group.
absl::StatusOr<std::vector<std::string>> SelectStatuses(storage::Transaction& tx,
                                                        const std::string& group);

// Most open dispatches of a SIM that SelectBacklogs looks at.
inline constexpr int32_t kCountedDispatches = 500;
// What waits at SIMs, without what is held beyond that time; of each SIM that has open dispatches.
absl::StatusOr<std::vector<v1::Backlog>> SelectBacklogs(storage::Transaction& tx,
                                                        const std::vector<int64_t>& sim_ids,
                                                        absl::Time time);

absl::StatusOr<v1::ListGroupDeliveriesResponse> SelectGroupDeliveries(
    storage::Transaction& tx, const v1::ListGroupDeliveriesRequest& request);
absl::StatusOr<v1::ListContactDeliveriesResponse> SelectContactDeliveries(
    storage::Transaction& tx, const v1::ListContactDeliveriesRequest& request);

}  // namespace mo::sims
