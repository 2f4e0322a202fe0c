// What accounts see and do of what goes to other systems.
#pragma once

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/rules/v1/forwards.pb.h"
#include "services/rules/forward_queue.h"
#include "services/rules/signing.h"

namespace mo::rules {

// What the service does; forward_service.cc only maps RPCs to it.
class Forwards {
 public:
  Forwards(App& app, storage::Database& database, SigningSecrets& secrets, ForwardQueue& queue)
      : app_(app), database_(database), secrets_(secrets), queue_(queue) {}

  absl::StatusOr<v1::ListForwardsResponse> List(const Caller& caller,
                                                const v1::ListForwardsRequest& request);
  absl::StatusOr<v1::Forward> Get(const Caller& caller, const v1::GetForwardRequest& request);
  absl::StatusOr<v1::Forward> Retry(const Caller& caller, const v1::RetryForwardRequest& request);
  absl::StatusOr<v1::RotateForwardSecretResponse> Rotate(const Caller& caller);
  // Deletes some of what was finished 30 days ago; true when there may be more.
  absl::StatusOr<bool> DeleteOld();

 private:
  App& app_;
  storage::Database& database_;
  SigningSecrets& secrets_;
  ForwardQueue& queue_;
};

}  // namespace mo::rules
