// What networks tell of contacts: their wishes, and where they have gone.
#pragma once

#include "absl/status/status.h"
#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "services/sims/ledger_batch.h"

namespace mo::sims {

// Tells what somebody wants of us, of each address the last stop and the last end of one, in their
// order. Told again it does no harm.
absl::Status TellConsents(storage::Transaction& tx, events::Outbox& outbox,
                          const LedgerBatch& batch);
// Tells about new addresses, once each; reply windows and groups go along. After StoreGroups and
// StoreReplyWindows, for what the same batch has brought goes along too.
absl::Status TellMoves(storage::Transaction& tx, events::Outbox& outbox, const LedgerBatch& batch);

}  // namespace mo::sims
