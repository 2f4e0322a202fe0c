#include "services/channels/states.h"

#include "libs/runtime/status.h"
#include "messageorganizer/channels/v1/events.pb.h"

namespace mo::channels {

bool IsFinished(v1::BroadcastState state) {
  return state == v1::BROADCAST_STATE_DONE || state == v1::BROADCAST_STATE_CANCELED ||
         state == v1::BROADCAST_STATE_MISSED;
}

absl::Status SaveState(storage::Transaction& tx, events::Outbox& outbox, BroadcastKey key,
                       const v1::Broadcast& broadcast) {
  MO_RETURN_IF_ERROR(UpdateBroadcast(tx, key, broadcast));
  Watch(tx, key, broadcast.state() == v1::BROADCAST_STATE_SENDING);
  v1::BroadcastChanged event;
  event.set_broadcast_id(broadcast.id());
  event.set_state(broadcast.state());
  return outbox.Append(tx, key.account_id, broadcast.id(), event);
}

}  // namespace mo::channels
