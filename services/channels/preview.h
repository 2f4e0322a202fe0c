// What would become of a broadcast.
#pragma once

#include <map>
#include <string>

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/channels/broadcast_check.h"
#include "services/channels/expansion_store.h"
#include "services/channels/quiet.h"

namespace mo::channels {

// Counts audiences as the Expander resolves them, page by page, and writes nothing.
class Preview {
 public:
  Preview(App& app, storage::Database& database, BroadcastCheck& check)
      : app_(app),
        database_(database),
        check_(check),
        quiet_(app),
        contacts_(app),
        sims_(app),
        dispatches_(app) {}

  // Counts for five seconds at most, or until shortly before the caller's deadline, complete or
  // not.
  absl::StatusOr<v1::BroadcastPreview> Of(const Caller& caller,
                                          const v1::PreviewBroadcastRequest& request);
  // BROADCAST_BEGUN, BROADCAST_FINISHED.
  absl::StatusOr<v1::BroadcastPreview> OfSaved(const Caller& caller,
                                               const v1::PreviewSavedBroadcastRequest& request);

 private:
  // Recipients by SIM, and of each by the time zone of their quiet hours ("": there are none).
  using Zones = std::map<std::string, int64_t>;
  using Loads = std::map<std::string, Zones>;
  // What waits at SIMs already, by SIM.
  using Backlogs = std::map<std::string, sims_v1::Backlog>;

  absl::StatusOr<v1::BroadcastPreview> Count(const Caller& caller, v1::Broadcast broadcast);
  absl::Status CountPage(const Caller& caller, const v1::Broadcast& broadcast, Expansion& expansion,
                         Loads& loads);
  absl::StatusOr<Backlogs> BacklogsOf(const Caller& caller, const Loads& loads, absl::Time time);
  // Adds the SIMs' loads. Recipients whose SIM is gone become skipped ones.
  absl::Status AddSims(const Caller& caller, const v1::Broadcast& broadcast, Loads loads,
                       Expansion& expansion, v1::BroadcastPreview& preview);

  App& app_;
  storage::Database& database_;
  BroadcastCheck& check_;
  Quiet quiet_;
  Client<contacts_v1::ContactService> contacts_;
  Client<sims_v1::SimService> sims_;
  Client<sims_v1::DispatchService> dispatches_;
};

}  // namespace mo::channels
