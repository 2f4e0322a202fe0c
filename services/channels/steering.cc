#include "services/channels/steering.h"

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/channels/errors.h"
#include "services/channels/expansion_store.h"

namespace mo::channels {

absl::StatusOr<v1::Broadcast> Steering::Steer(const Caller& caller,
                                              const google::protobuf::Message& request,
                                              const std::string& id, sims_v1::GroupControl control,
                                              const Change& change) {
  const BroadcastKey key{caller.account_id, IdOf(id)};
  bool changed = false;
  MO_ASSIGN_OR_RETURN(
      const v1::Broadcast steered,
      database_.Once<v1::Broadcast>(
          caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
            MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, key));
            if (broadcast.state() == v1::BROADCAST_STATE_DRAFT) return BroadcastIsDraft();
            MO_ASSIGN_OR_RETURN(changed, change(tx, broadcast));
            if (!changed) return broadcast;
            MO_RETURN_IF_ERROR(SetControl(tx, key, control));
            MO_RETURN_IF_ERROR(SaveState(tx, outbox_, key, broadcast));
            return broadcast;
          }));
  if (!changed) return steered;
  const absl::Status pushed = controls_.Push(key);
  if (!pushed.ok()) {
    Log(LogLevel::kWarning, "a broadcast's control will be pushed later",
        {{"broadcast", id}, {"error", std::string(pushed.message())}});
  }
  return steered;
}

absl::StatusOr<v1::Broadcast> Steering::Pause(const Caller& caller,
                                              const v1::PauseBroadcastRequest& request) {
  return Steer(caller, request, request.id(), sims_v1::GROUP_CONTROL_PAUSE,
               [](storage::Transaction&, v1::Broadcast& broadcast) -> absl::StatusOr<bool> {
                 if (IsFinished(broadcast.state())) return BroadcastFinished();
                 if (broadcast.state() == v1::BROADCAST_STATE_PAUSED) return false;
                 broadcast.set_state(v1::BROADCAST_STATE_PAUSED);
                 return true;
               });
}

absl::StatusOr<v1::Broadcast> Steering::Resume(const Caller& caller,
                                               const v1::ResumeBroadcastRequest& request) {
  const BroadcastKey key{caller.account_id, IdOf(request.id())};
  const auto change = [&](storage::Transaction& tx,
                          v1::Broadcast& broadcast) -> absl::StatusOr<bool> {
    if (IsFinished(broadcast.state())) return BroadcastFinished();
    if (broadcast.state() != v1::BROADCAST_STATE_PAUSED) return false;
    MO_ASSIGN_OR_RETURN(const Expansion expansion, SelectExpansion(tx, key));
    const absl::Time now = app_.clock().Now();
    absl::Time due = FromProto(broadcast.send_time());
    if (due > now) {
      broadcast.set_state(v1::BROADCAST_STATE_SCHEDULED);
    } else if (expansion.complete && !expansion.stored) {
      broadcast.set_state(v1::BROADCAST_STATE_SENDING);
    } else {
      // One that has never begun begins now.
      if (expansion.page == 0) *broadcast.mutable_send_time() = ToProto(now);
      broadcast.set_state(v1::BROADCAST_STATE_EXPANDING);
      due = now;
    }
    MO_RETURN_IF_ERROR(Reopen(tx, key, due));
    starter_.Wake(tx);
    return true;
  };
  return Steer(caller, request, request.id(), sims_v1::GROUP_CONTROL_RUN, change);
}

absl::StatusOr<v1::Broadcast> Steering::Cancel(const Caller& caller,
                                               const v1::CancelBroadcastRequest& request) {
  return Steer(caller, request, request.id(), sims_v1::GROUP_CONTROL_CANCEL,
               [&](storage::Transaction&, v1::Broadcast& broadcast) -> absl::StatusOr<bool> {
                 if (IsFinished(broadcast.state())) return false;
                 broadcast.set_state(v1::BROADCAST_STATE_CANCELED);
                 *broadcast.mutable_finish_time() = ToProto(app_.clock().Now());
                 return true;
               });
}

}  // namespace mo::channels
