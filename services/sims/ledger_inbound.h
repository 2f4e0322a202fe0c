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

// When a message that is committed now was written. Of networks that tell whole seconds: as late in
// its second as it can have been, so that it does not seem to come before what we sent in it.
absl::Time SendTime(const v1::Inbound& inbound, absl::Time now);

}  // namespace mo::sims
