// The tables of broadcasts and of their progress.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;
namespace sims_v1 = messageorganizer::sims::v1;

// Names a broadcast over all accounts.
struct BroadcastKey {
  int64_t account_id = 0;
  int64_t id = 0;
};

// Of one of a series, send_time is the time of the schedule: the series has one broadcast for each.
absl::Status InsertBroadcast(storage::Transaction& tx, int64_t id, const v1::Broadcast& broadcast);
// BROADCAST_NOT_FOUND.
absl::StatusOr<v1::Broadcast> SelectBroadcast(storage::Transaction& tx, BroadcastKey key);
// The same, kept from changing until the commit. Taken before the broadcast's other rows.
absl::StatusOr<v1::Broadcast> LockBroadcast(storage::Transaction& tx, BroadcastKey key);
// The one that addresses those at whom this one has failed, if any.
absl::StatusOr<std::optional<v1::Broadcast>> SelectResend(storage::Transaction& tx,
                                                          BroadcastKey key);
// Broadcasts with an id below `before`, newest first; of one series, unless its id is 0.
absl::StatusOr<std::vector<v1::Broadcast>> SelectBroadcasts(storage::Transaction& tx,
                                                            int64_t before, int32_t limit,
                                                            int64_t series_id);
// Writes state, send_time and finish_time; gives it its new etag.
absl::Status UpdateBroadcast(storage::Transaction& tx, BroadcastKey key, v1::Broadcast& broadcast);
// Writes content, audience, send_time, expire_time and its own quiet hours; gives it its new etag.
absl::Status ReplaceBroadcast(storage::Transaction& tx, BroadcastKey key, v1::Broadcast& broadcast);
// Writes applied_quiet_hours.
void SaveQuietHours(storage::Transaction& tx, BroadcastKey key, const v1::Broadcast& broadcast);
// Deletes a locked draft with all that belongs to it.
void DeleteDraft(storage::Transaction& tx, BroadcastKey key);

// What sims is to do with a broadcast's dispatches.
struct Control {
  sims_v1::GroupControl control = sims_v1::GROUP_CONTROL_RUN;
  int64_t version = 0;
};
// Asks for it; it is due to be pushed again shortly, unless ConfirmControl comes before.
absl::Status SetControl(storage::Transaction& tx, BroadcastKey key, sims_v1::GroupControl control);
// What was asked for last, if sims may not know it.
absl::StatusOr<std::optional<Control>> SelectControl(storage::Transaction& tx, BroadcastKey key);
// Sims has been told this version. False when another one has been asked for meanwhile.
absl::StatusOr<bool> ConfirmControl(storage::Transaction& tx, BroadcastKey key, int64_t version);
// Broadcasts whose control is due to be pushed.
absl::StatusOr<std::vector<BroadcastKey>> SelectUnpushed(storage::Transaction& tx, int32_t limit);

// Clicks by account and broadcast.
using ClicksByBroadcast = std::map<std::pair<int64_t, int64_t>, v1::ClickTotals>;
// Adds clicks (system role), and marks the broadcasts as Touch does.
void AddClicks(storage::Transaction& tx, const ClicksByBroadcast& clicks);
absl::StatusOr<v1::ClickTotals> SelectClickTotals(storage::Transaction& tx, BroadcastKey key);
// Marks broadcasts whose counts have changed.
void Touch(storage::Transaction& tx, const std::vector<BroadcastKey>& keys);
// Marks it, and whether its end is to be watched for from now on.
void Watch(storage::Transaction& tx, BroadcastKey key, bool watching);
// Its end has come.
void Unwatch(storage::Transaction& tx, BroadcastKey key);
// Takes broadcasts whose counts are to be looked at, each at most once per second.
absl::StatusOr<std::vector<BroadcastKey>> TakeTouched(storage::Transaction& tx, int32_t limit);

}  // namespace mo::channels
