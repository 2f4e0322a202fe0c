#include "services/channels/states.h"

#include "libs/runtime/status.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "services/channels/errors.h"

namespace mo::channels {

bool IsFinished(v1::BroadcastState state) {
  return state == v1::BROADCAST_STATE_DONE || state == v1::BROADCAST_STATE_CANCELED ||
         state == v1::BROADCAST_STATE_MISSED;
}

absl::Status CheckNotBegun(v1::BroadcastState state) {
  if (state == v1::BROADCAST_STATE_DRAFT || state == v1::BROADCAST_STATE_SCHEDULED) {
    return absl::OkStatus();
  }
  return IsFinished(state) ? BroadcastFinished() : BroadcastBegun();
}

absl::Status SaveState(storage::Transaction& tx, events::Outbox& outbox, BroadcastKey key,
                       v1::Broadcast& broadcast) {
  MO_RETURN_IF_ERROR(UpdateBroadcast(tx, key, broadcast));
  Watch(tx, key, broadcast.state() == v1::BROADCAST_STATE_SENDING);
  return Publish(tx, outbox, key, broadcast);
}

absl::Status Publish(storage::Transaction& tx, events::Outbox& outbox, BroadcastKey key,
                     const v1::Broadcast& broadcast, bool deleted) {
  v1::BroadcastChanged event;
  event.set_broadcast_id(broadcast.id());
  event.set_state(broadcast.state());
  event.set_deleted(deleted);
  *event.mutable_channel_ids() = broadcast.audience().channels();
  return outbox.Append(tx, key.account_id, broadcast.id(), event);
}

}  // namespace mo::channels
