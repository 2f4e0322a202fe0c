// New SIMs for the contacts of one that is lost.
#pragma once

#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/rehome_store.h"

namespace mo::sims {

// Moves contacts page by page, each page with its places, its counts and its events in one
// transaction: whoever dies in between has moved whole pages, and another goes on. Those that find
// no room stay and are tried again. What waits at the old SIM for a contact stays there: it is sent
// if the SIM comes back, and ends as SKIPPED, NO_SIM when the SIM is deleted.
class Rehoming {
 public:
  Rehoming(App& app, storage::Database& database, events::Outbox& outbox);

  // SIM_NOT_FOUND, SIM_ACTIVE, ADDRESS_BOUND. Idempotent.
  absl::Status Ask(const Caller& caller, const v1::RehomeSimRequest& request);
  // Moves a page of each SIM that is due, ends what deleted SIMs have left; whether there is more.
  absl::StatusOr<bool> RunOnce();

 private:
  // Whether there is more at once.
  absl::StatusOr<bool> MovePage(storage::Transaction& tx, const SimKey& sim);
  absl::StatusOr<bool> EndLeft(storage::Transaction& tx, const SimKey& sim);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  prometheus::Counter& moved_;
};

// The place of a contact of `lost`, by the account's strategy: an index of `homes`, -1 when none
// has room. A contact's number is not known here; with COUNTRY_PREFIX the lost SIM's stands for it,
// which the contact was given for its own.
int ChooseHome(const std::vector<Home>& homes, const Home& lost, v1::AllocationStrategy strategy);

}  // namespace mo::sims
