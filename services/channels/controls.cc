#include "services/channels/controls.h"

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

namespace mo::channels {
namespace {

constexpr int32_t kBatch = 16;
constexpr int kAttempts = 10;

}  // namespace

absl::Status Controls::Push(BroadcastKey key) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    MO_ASSIGN_OR_RETURN(const std::optional<Control> wanted,
                        database_.As(key.account_id, [&](storage::Transaction& tx) {
                          return SelectControl(tx, key);
                        }));
    if (!wanted) return absl::OkStatus();
    sims_v1::ControlGroupRequest request;
    request.set_group(FormatId("brd", key.id));
    request.set_control(wanted->control);
    MO_RETURN_IF_ERROR(sims_
                           .Call(&sims_v1::DispatchService::Stub::ControlGroup,
                                 ServiceCaller("channels", key.account_id), request)
                           .status());
    MO_ASSIGN_OR_RETURN(const bool newest,
                        database_.As(key.account_id, [&](storage::Transaction& tx) {
                          return ConfirmControl(tx, key, wanted->version);
                        }));
    if (newest) return absl::OkStatus();
  }
  return absl::AbortedError("the broadcast's control keeps changing");
}

absl::StatusOr<bool> Controls::RunOnce() {
  MO_ASSIGN_OR_RETURN(
      const std::vector<BroadcastKey> keys,
      database_.AsSystem([](storage::Transaction& tx) { return SelectUnpushed(tx, kBatch); }));
  absl::Status status;
  for (const BroadcastKey& key : keys) status.Update(Push(key));
  if (!status.ok()) return status;
  return keys.size() == kBatch;
}

}  // namespace mo::channels
