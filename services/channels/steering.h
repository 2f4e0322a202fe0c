// Pause, resume and cancel.
#pragma once

#include <functional>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "services/channels/controls.h"
#include "services/channels/states.h"

namespace mo::channels {

// Changes what becomes of broadcasts that were sent. Durable when it returns; sims is told at once,
// or by Controls when it cannot be reached now.
class Steering {
 public:
  Steering(App& app, storage::Database& database, events::Outbox& outbox, Controls& controls,
           const Starter& starter)
      : app_(app), database_(database), outbox_(outbox), controls_(controls), starter_(starter) {}

  // BROADCAST_FINISHED, BROADCAST_DRAFT; Resume too.
  absl::StatusOr<v1::Broadcast> Pause(const Caller& caller,
                                      const v1::PauseBroadcastRequest& request);
  absl::StatusOr<v1::Broadcast> Resume(const Caller& caller,
                                       const v1::ResumeBroadcastRequest& request);
  // Of a broadcast that has ended: nothing is left to cancel, it stays as it is. BROADCAST_DRAFT.
  absl::StatusOr<v1::Broadcast> Cancel(const Caller& caller,
                                       const v1::CancelBroadcastRequest& request);

 private:
  // Changes a locked broadcast; whether sims is to be told.
  using Change =
      std::function<absl::StatusOr<bool>(storage::Transaction& tx, v1::Broadcast& broadcast)>;

  absl::StatusOr<v1::Broadcast> Steer(const Caller& caller,
                                      const google::protobuf::Message& request,
                                      const std::string& id, sims_v1::GroupControl control,
                                      const Change& change);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Controls& controls_;
  const Starter& starter_;
};

}  // namespace mo::channels
