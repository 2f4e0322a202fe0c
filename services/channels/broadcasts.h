// Broadcasts of an account: one message to many contacts.
#pragma once

#include <functional>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/channels/controls.h"

namespace mo::channels {

namespace contacts_v1 = messageorganizer::contacts::v1;

// Creates broadcasts and changes what becomes of them; the Expander does the rest.
class Broadcasts {
 public:
  Broadcasts(App& app, storage::Database& database, events::Outbox& outbox, Controls& controls)
      : app_(app),
        database_(database),
        outbox_(outbox),
        controls_(controls),
        contacts_(app),
        media_(app) {}
  // Called when there is something to expand.
  void OnDue(std::function<void()> kick) { kick_ = std::move(kick); }

  absl::StatusOr<v1::Broadcast> Create(const Caller& caller,
                                       const v1::CreateBroadcastRequest& request);
  absl::StatusOr<v1::Broadcast> Get(const Caller& caller, const v1::GetBroadcastRequest& request);
  absl::StatusOr<v1::ListBroadcastsResponse> List(const Caller& caller,
                                                  const v1::ListBroadcastsRequest& request);
  // BROADCAST_FINISHED. Durable when it returns; sims is told at once, or by Controls when it
  // cannot be reached now.
  absl::StatusOr<v1::Broadcast> Pause(const Caller& caller,
                                      const v1::PauseBroadcastRequest& request);
  absl::StatusOr<v1::Broadcast> Resume(const Caller& caller,
                                       const v1::ResumeBroadcastRequest& request);
  // Of a broadcast that has ended: nothing is left to cancel, it stays as it is.
  absl::StatusOr<v1::Broadcast> Cancel(const Caller& caller,
                                       const v1::CancelBroadcastRequest& request);

 private:
  // Changes a locked broadcast; whether sims is to be told.
  using Change =
      std::function<absl::StatusOr<bool>(storage::Transaction& tx, v1::Broadcast& broadcast)>;

  absl::Status Check(const Caller& caller, const v1::CreateBroadcastRequest& request);
  absl::Status CheckAudience(const Caller& caller, const v1::Audience& audience,
                             Problems& problems);
  // Whether the file that the content carries is the account's.
  absl::Status CheckMedia(const Caller& caller,
                          const messageorganizer::common::v1::Content& content, Problems& problems);
  absl::StatusOr<v1::Broadcast> Steer(const Caller& caller,
                                      const google::protobuf::Message& request,
                                      const std::string& id, sims_v1::GroupControl control,
                                      const Change& change);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Controls& controls_;
  Client<contacts_v1::ContactService> contacts_;
  Client<messageorganizer::media::v1::MediaService> media_;
  std::function<void()> kick_ = [] {};
};

}  // namespace mo::channels
