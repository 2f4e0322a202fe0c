// Counts events.
#pragma once

#include <vector>

#include "libs/events/events.h"
#include "services/statistics/store.h"

namespace mo::statistics {

// Adds what a batch says to all intervals that it falls into. Runs in the transaction that moves
// the consumer's offset, so each event is counted exactly once, however often it comes.
absl::Status RollUp(storage::Transaction& tx, Ledger ledger,
                    const std::vector<events::Event>& batch);

}  // namespace mo::statistics
