// What agents report of the world outside the ledger: messages that arrived, groups they are in.
#pragma once

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "services/sims/ledger_batch.h"

namespace mo::sims {

// Tells about the inbound messages that were not known; how many these are.
absl::StatusOr<int> TellInbound(storage::Transaction& tx, events::Outbox& outbox,
                                const LedgerBatch& batch);
// Keeps which groups the SIMs are in.
void StoreGroups(storage::Transaction& tx, const LedgerBatch& batch);

}  // namespace mo::sims
