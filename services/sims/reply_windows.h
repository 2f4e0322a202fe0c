// The network's own windows: how long after a contact's message we may write to it freely.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "libs/storage/transaction.h"
#include "services/sims/ledger_batch.h"

namespace mo::sims {

// Which recipients of a batch's windows may be written to, in the round trip of its other reads.
class ReplyWindows {
 public:
  // Asks for it; nothing when no work is of a network with windows.
  ReplyWindows(storage::Transaction& tx, const LedgerBatch& batch);
  // Puts the answer into the batch; what came in with the batch opens windows as well.
  absl::Status Get(LedgerBatch& batch);

 private:
  std::optional<storage::Pending> open_;
};

// Opens the windows of those who have written, or keeps them open longer.
void StoreReplyWindows(storage::Transaction& tx, const LedgerBatch& batch);

}  // namespace mo::sims
