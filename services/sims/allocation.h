// Which SIM serves a contact: what AllocationService does.
#pragma once

#include "google/protobuf/empty.pb.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// Sticky allocation that never exceeds a SIM's capacity, and suppression of contacts that opted
// out.
class Allocation {
 public:
  Allocation(App& app, storage::Database& database) : app_(app), database_(database) {}

  absl::StatusOr<v1::AllocateResponse> Allocate(const Caller& caller,
                                                const v1::AllocateRequest& request);
  absl::StatusOr<google::protobuf::Empty> Release(const Caller& caller,
                                                  const v1::ReleaseRequest& request);
  absl::StatusOr<google::protobuf::Empty> SetSuppressed(const Caller& caller,
                                                        const v1::SetSuppressedRequest& request);

 private:
  App& app_;
  storage::Database& database_;
};

}  // namespace mo::sims
