// What happens when a broadcast's state changes.
#pragma once

#include <functional>
#include <utility>

#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "services/channels/broadcast_store.h"

namespace mo::channels {

// Whether it has ended, for good.
bool IsFinished(v1::BroadcastState state);
// OK for a draft and for one that waits for its time; else BROADCAST_FINISHED or BROADCAST_BEGUN. A
// paused one counts as begun: it may have been.
absl::Status CheckNotBegun(v1::BroadcastState state);

// Wakes the expanders.
class Starter {
 public:
  // What wakes them; once, before anything is served.
  void OnDue(std::function<void()> kick) { kick_ = std::move(kick); }
  // Wakes them when the transaction has committed: there is something to expand.
  void Wake(storage::Transaction& tx) const { tx.AfterCommit(kick_); }

 private:
  std::function<void()> kick_ = [] {};
};

// Writes a locked broadcast's changed state (and its new etag), tells of it, and watches for its
// end while it is SENDING.
absl::Status SaveState(storage::Transaction& tx, events::Outbox& outbox, BroadcastKey key,
                       v1::Broadcast& broadcast);
// Tells of a broadcast that has changed and that its state is this.
absl::Status Publish(storage::Transaction& tx, events::Outbox& outbox, BroadcastKey key,
                     const v1::Broadcast& broadcast, bool deleted = false);

}  // namespace mo::channels
