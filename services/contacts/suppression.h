// Tells sims which contacts must not be written to.
#pragma once

#include "absl/status/status.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"

namespace mo::contacts {

// A stop, or its end, commits here as "not confirmed" together with the contact's new version, is
// told to sims with that version, and is confirmed. Whoever dies between leaves it unconfirmed, and
// the worker tells again; the version keeps an older telling from undoing a newer one.
class Suppression {
 public:
  Suppression(App& app, storage::Database& database) : database_(database), allocation_(app) {}

  // Tells sims about a contact unless that is confirmed already. OK means that sims knows.
  absl::Status Settle(const Caller& caller, int64_t contact_id);
  // Settles contacts of all accounts that are not confirmed; true when there may be more.
  absl::StatusOr<bool> SettleAll();

 private:
  storage::Database& database_;
  Client<messageorganizer::sims::v1::AllocationService> allocation_;
};

}  // namespace mo::contacts
