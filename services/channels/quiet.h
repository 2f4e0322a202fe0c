// Which quiet hours hold for a broadcast.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;

// Asks accounts for what a broadcast leaves to its account: once per broadcast, when it begins.
class Quiet {
 public:
  explicit Quiet(App& app) : accounts_(app) {}

  // Sets applied_quiet_hours: those of the broadcast, else of the account, in the account's zone;
  // absent when there are none, or none hold for it.
  absl::Status Apply(int64_t account_id, v1::Broadcast& broadcast);

 private:
  Client<messageorganizer::accounts::v1::AccountService> accounts_;
};

}  // namespace mo::channels
