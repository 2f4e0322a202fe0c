// The dispatch ledger from its callers' side: what DispatchService does.
#pragma once

#include "google/protobuf/empty.pb.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/gateway.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Takes dispatches, controls groups of them, counts and lists.
class Ledger {
 public:
  Ledger(App& app, storage::Database& database, events::Outbox& outbox, Gateway& gateway)
      : app_(app), database_(database), outbox_(outbox), gateway_(gateway) {}

  absl::StatusOr<v1::SubmitResponse> Submit(const Caller& caller, const v1::SubmitRequest& request);
  absl::StatusOr<google::protobuf::Empty> Control(const Caller& caller,
                                                  const v1::ControlGroupRequest& request);
  absl::StatusOr<v1::GetGroupCountsResponse> Counts(const Caller& caller,
                                                    const v1::GetGroupCountsRequest& request);
  absl::StatusOr<v1::GetBacklogsResponse> Backlogs(const Caller& caller,
                                                   const v1::GetBacklogsRequest& request);
  absl::StatusOr<v1::ListGroupDeliveriesResponse> ListGroup(
      const Caller& caller, const v1::ListGroupDeliveriesRequest& request);
  absl::StatusOr<v1::ListContactDeliveriesResponse> ListContact(
      const Caller& caller, const v1::ListContactDeliveriesRequest& request);

 private:
  absl::StatusOr<bool> SkipSome(int64_t account_id, const std::string& group);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Gateway& gateway_;
};

}  // namespace mo::sims
