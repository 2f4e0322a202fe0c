// The network's own windows: how long after a contact's message we may write to it freely.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "libs/storage/database.h"
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

// Which of the addresses may be written to freely; outside of a commit, so that it may be otherwise
// a moment later.
absl::StatusOr<absl::flat_hash_set<std::string>> FindOpenWindows(
    storage::Database& database, int64_t account_id, int64_t sim_id,
    const std::vector<std::string>& addresses, absl::Time now);

// Opens the windows of those who have written, or keeps them open longer.
void StoreReplyWindows(storage::Transaction& tx, const LedgerBatch& batch);

}  // namespace mo::sims
