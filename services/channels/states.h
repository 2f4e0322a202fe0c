// What happens when a broadcast's state changes.
#pragma once

#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "services/channels/broadcast_store.h"

namespace mo::channels {

// Whether it has ended, for good.
bool IsFinished(v1::BroadcastState state);

// Writes a locked broadcast's changed state, tells of it, and watches for its end while it is
// SENDING.
absl::Status SaveState(storage::Transaction& tx, events::Outbox& outbox, BroadcastKey key,
                       const v1::Broadcast& broadcast);

}  // namespace mo::channels
