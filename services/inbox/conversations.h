// Dialogs as people see them.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"

namespace mo::inbox {

namespace v1 = messageorganizer::inbox::v1;

// Reads conversations and timelines.
class Conversations {
 public:
  Conversations(App& app, storage::Database& database) : database_(database), dispatches_(app) {}

  absl::StatusOr<v1::ListConversationsResponse> List(const Caller& caller,
                                                     const v1::ListConversationsRequest& request);
  absl::StatusOr<v1::Conversation> Get(const Caller& caller,
                                       const v1::GetConversationRequest& request);
  // The account's own messages and the broadcasts of the ledger, merged by time.
  absl::StatusOr<v1::ListTimelineResponse> ListTimeline(const Caller& caller,
                                                        const v1::ListTimelineRequest& request);
  absl::StatusOr<v1::Conversation> MarkRead(const Caller& caller,
                                            const v1::MarkReadRequest& request);

 private:
  storage::Database& database_;
  Client<messageorganizer::sims::v1::DispatchService> dispatches_;
};

}  // namespace mo::inbox
