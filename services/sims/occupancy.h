// Tells how full SIMs are.
#pragma once

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/storage/database.h"

namespace mo::sims {

// Compares all SIMs with what was last told of them: an event for each difference, in the
// transaction that keeps it. Contacts come and go too often to tell of each.
class Occupancy {
 public:
  Occupancy(storage::Database& database, events::Outbox& outbox)
      : database_(database), outbox_(outbox) {}

  // Tells of a batch; true when there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  storage::Database& database_;
  events::Outbox& outbox_;
};

}  // namespace mo::sims
