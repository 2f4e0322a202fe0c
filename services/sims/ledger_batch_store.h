// What a transaction of the ledger reads and writes.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "libs/storage/transaction.h"
#include "services/sims/ledger_batch.h"

namespace mo::sims {

// All that a batch needs to know, in one round trip. Locks leases and states until the commit.
class LedgerReads {
 public:
  // Asks for it. New inbound messages of works whose lease holds are stored by this, too.
  LedgerReads(storage::Transaction& tx, const LedgerBatch& batch);
  // Puts the answers into the batch; works whose lease is lost have their outcome then.
  absl::Status Get(LedgerBatch& batch);

 private:
  void AskLeases(storage::Transaction& tx, const LedgerBatch& batch);
  void AskStates(storage::Transaction& tx, const LedgerBatch& batch);
  void AskSuppressed(storage::Transaction& tx, const LedgerBatch& batch);
  void AskInbound(storage::Transaction& tx, const LedgerBatch& batch);
  absl::Status GetLeases(LedgerBatch& batch);
  absl::Status GetStates(LedgerBatch& batch);

  std::optional<storage::Pending> leases_;
  std::optional<storage::Pending> states_;
  std::optional<storage::Pending> suppressed_;
  std::optional<storage::Pending> inbound_;
};

// Writes the states that have changed, and decides which of them are reported.
void WriteStates(storage::Transaction& tx, LedgerBatch& batch);

}  // namespace mo::sims
