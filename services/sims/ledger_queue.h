// The order in which the ledger's works are committed.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/runtime/account_weights.h"
#include "libs/runtime/fair_queue.h"
#include "services/sims/ledger_work.h"

namespace mo::sims {

// What a work costs the ledger, in messages.
int64_t CostOf(const LedgerWork& work);

// What waits for a group commit: accounts in turn, by what their works cost; an account's SIMs in
// turn, each with all its works in their order, for these are of the same dispatches. SIMs that
// have something interactive go before the account's others. For storage::GroupCommit.
class LedgerQueue {
 public:
  // The weights must outlive it.
  explicit LedgerQueue(const AccountWeights& weights) : turns_(weights) {}

  size_t size() const { return size_; }
  // Whether too much of the account waits.
  bool Full(const LedgerWork& work, size_t limit) const;
  void Push(LedgerWork work);
  // The works of the next SIMs: about `most`, and no more than nobody minds to wait for.
  std::vector<LedgerWork> Take(size_t most);

 private:
  struct Sim {
    std::vector<LedgerWork> works;
    bool waits = false;     // it has a turn
    bool pressing = false;  // it has a pressing turn, which comes first
  };

  // By account and number: those that have a turn.
  std::map<std::pair<int64_t, int64_t>, Sim> sims_;
  // A SIM that is pressing since it waits has two, never more. The second one may find nothing, or
  // what has come since.
  FairQueue<std::pair<int64_t, int64_t>> turns_;
  absl::flat_hash_map<int64_t, size_t> waiting_;  // works by account
  size_t size_ = 0;
};

}  // namespace mo::sims
