// What a network tells of a SIM itself, and what follows from it.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "services/sims/drivers/driver.h"

namespace mo::sims {

// Applies an event to a SIM, once however often it is brought: a block or its end changes the
// state, lost credentials pause, a RED rating slows down, limits are kept to, warnings are noted.
// Whether its state, speed or limits have changed: the caller then tells the gateway (Reconfigure)
// after the commit. kTemplate is none of its business; a SIM that is gone is no error.
//
// In any role's transaction that may see the account: all statements name it.
absl::StatusOr<bool> ApplyHealth(storage::Transaction& tx, events::Outbox& outbox,
                                 int64_t account_id, int64_t sim_id, const HealthEvent& event,
                                 absl::Time now);

// The limit that a network's word for it means, e.g. "TIER_1K"; 0: no limit. Nothing when it is
// not understood.
std::optional<int64_t> TierOf(absl::string_view word);

}  // namespace mo::sims
