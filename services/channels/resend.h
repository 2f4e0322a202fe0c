// Broadcasts to those at whom another one has failed.
#pragma once

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "services/channels/broadcast_store.h"
#include "services/channels/ledger.h"
#include "services/channels/states.h"

namespace mo::channels {

// Makes resends; the Expander reads whom they address from the ledger, page by page.
class Resend {
 public:
  Resend(App& app, storage::Database& database, events::Outbox& outbox, Ledgers& ledgers,
         const Starter& starter)
      : app_(app), database_(database), outbox_(outbox), ledgers_(ledgers), starter_(starter) {}

  // A broadcast has at most one resend. Asked again, it is answered; when it has finished and
  // failed at some itself, those get a resend of it in turn. BROADCAST_NOT_FINISHED,
  // NOTHING_FAILED.
  absl::StatusOr<v1::Broadcast> Failed(const Caller& caller,
                                       const v1::ResendFailedRequest& request);

 private:
  // A broadcast, its resend, the resend's resend …: the last one.
  absl::StatusOr<v1::Broadcast> Latest(BroadcastKey key);
  // Whether the latest one is to be sent again; it is the answer itself if not.
  absl::StatusOr<bool> NeedsResend(const Caller& caller, const v1::ResendFailedRequest& request,
                                   const v1::Broadcast& latest);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Ledgers& ledgers_;
  const Starter& starter_;
};

}  // namespace mo::channels
