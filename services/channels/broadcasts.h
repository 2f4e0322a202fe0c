// Broadcasts of an account: one message to many contacts.
#pragma once

#include <google/protobuf/empty.pb.h>

#include <set>
#include <string>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "services/channels/broadcast_check.h"
#include "services/channels/broadcast_store.h"
#include "services/channels/states.h"

namespace mo::channels {

// Makes broadcasts, changes them until they begin, and starts them; the Expander does the rest.
class Broadcasts {
 public:
  Broadcasts(App& app, storage::Database& database, events::Outbox& outbox, BroadcastCheck& check,
             const Starter& starter)
      : app_(app), database_(database), outbox_(outbox), check_(check), starter_(starter) {}

  absl::StatusOr<v1::Broadcast> Create(const Caller& caller,
                                       const v1::CreateBroadcastRequest& request);
  absl::StatusOr<v1::Broadcast> Get(const Caller& caller, const v1::GetBroadcastRequest& request);
  absl::StatusOr<v1::ListBroadcastsResponse> List(const Caller& caller,
                                                  const v1::ListBroadcastsRequest& request);
  // BROADCAST_BEGUN, BROADCAST_FINISHED, ETAG_MISMATCH.
  absl::StatusOr<v1::Broadcast> Update(const Caller& caller,
                                       const v1::UpdateBroadcastRequest& request);
  // BROADCAST_NOT_DRAFT.
  absl::StatusOr<v1::Broadcast> Send(const Caller& caller, const v1::SendBroadcastRequest& request);
  // BROADCAST_NOT_DRAFT.
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteBroadcastRequest& request);

 private:
  absl::StatusOr<v1::Broadcast> Select(BroadcastKey key);
  absl::Status CheckChange(const Caller& caller, const v1::Broadcast& wanted,
                           const std::set<std::string>& fields);
  // Checks changed times; a scheduled broadcast is then due at its new time.
  absl::Status Retime(storage::Transaction& tx, BroadcastKey key,
                      const std::set<std::string>& fields, v1::Broadcast& broadcast);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  BroadcastCheck& check_;
  const Starter& starter_;
};

}  // namespace mo::channels
