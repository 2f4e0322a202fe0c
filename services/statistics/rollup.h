// Events become numbers.
#pragma once

#include <vector>

#include "libs/events/events.h"

namespace mo::statistics {

// Whether an event changes a number; most do not.
bool Counts(const events::Event& event);

// Adds a batch to the hours in which its events were committed. Runs in the transaction that moves
// the consumer's offset, so each event is counted exactly once, however often it comes.
absl::Status RollUp(storage::Transaction& tx, const std::vector<events::Event>& batch);

}  // namespace mo::statistics
