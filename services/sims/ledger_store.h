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
// SIM_NOT_FOUND when one of them is not the account's.
absl::Status CheckSims(storage::Transaction& tx, const std::set<int64_t>& sims);
// A lock on a group's name until the transaction ends.
absl::Status LockGroup(storage::Transaction& tx, const std::string& group, bool exclusive);
// RUN when the group was never controlled.
absl::StatusOr<v1::GroupControl> SelectControl(storage::Transaction& tx, const std::string& group);
absl::Status UpsertControl(storage::Transaction& tx, const std::string& group,
                           v1::GroupControl control);
// Puts a control on the group's open dispatches; the SIMs concerned.
absl::StatusOr<std::vector<int64_t>> UpdateControls(storage::Transaction& tx,
                                                    const std::string& group,
                                                    v1::GroupControl control, absl::Time now);
// False when the key is there already.
absl::StatusOr<bool> InsertDispatch(storage::Transaction& tx, const v1::Dispatch& dispatch,
                                    v1::GroupControl control, absl::Time now);

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
absl::Status UpdateStatus(storage::Transaction& tx, const DispatchStatus& row, absl::Time now);
// The statuses of all dispatches of a group.
absl::StatusOr<std::vector<std::string>> SelectStatuses(storage::Transaction& tx,
                                                        const std::string& group);

absl::StatusOr<v1::ListGroupDeliveriesResponse> SelectGroupDeliveries(
    storage::Transaction& tx, const v1::ListGroupDeliveriesRequest& request);
absl::StatusOr<v1::ListContactDeliveriesResponse> SelectContactDeliveries(
    storage::Transaction& tx, const v1::ListContactDeliveriesRequest& request);

}  // namespace mo::sims
