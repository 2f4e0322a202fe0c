// Messages by the names that providers give them: for receipts that do not carry our key.
#pragma once

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "services/sims/ledger_batch.h"

namespace mo::sims {

// Keeps what providers call the messages that the batch's works have sent, and finds what its
// receipts by name mean: batch.settled. Whatever comes first, the send or its receipt, waits for
// the other in the database. Before anything else of a batch, so that all take locks in one order;
// no round trip when no work of the batch has names.
absl::Status ResolveNames(storage::Transaction& tx, LedgerBatch& batch);

// Forgets names of messages sent before `until`, watermarks and reply windows from before, at most
// 1,000 of each; whether there may be more.
absl::StatusOr<bool> ForgetNames(storage::Transaction& tx, absl::Time until);

}  // namespace mo::sims
