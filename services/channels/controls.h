// Tells sims what broadcasts' dispatches are to do: go on, wait, end.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/channels/broadcast_store.h"

namespace mo::channels {

// Brings every control to sims that SetControl has asked for, the newest last, also after a crash.
class Controls {
 public:
  Controls(App& app, storage::Database& database) : database_(database), sims_(app) {}

  // Pushes a broadcast's control, until it is the newest.
  absl::Status Push(BroadcastKey key);
  // Pushes those that are due; true when there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  storage::Database& database_;
  Client<sims_v1::DispatchService> sims_;
};

}  // namespace mo::channels
