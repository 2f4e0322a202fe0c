#include "services/sims/ledger_queue.h"

#include <iterator>

namespace mo::sims {
namespace {

// What a commit may cost, so that nobody waits long for it: in messages, some 5 ms (tests/bench).
constexpr int64_t kShare = 4096;
// A work's own cost, and that of what has a row of its own.
constexpr int64_t kWork = 16;
constexpr int64_t kInbound = 8;

}  // namespace

int64_t CostOf(const LedgerWork& work) {
  int64_t cost = kWork + static_cast<int64_t>(work.transitions.size()) +
                 kInbound * static_cast<int64_t>(work.inbound.size() + work.names.size() +
                                                 work.receipts.size() + work.watermarks.size() +
                                                 work.consents.size() + work.moved.size());
  for (const Window& window : work.windows) cost += static_cast<int64_t>(window.indices.size());
  return cost;
}

bool LedgerQueue::Full(const LedgerWork& work, size_t limit) const {
  const auto found = waiting_.find(work.account_id);
  return found != waiting_.end() && found->second >= limit;
}

void LedgerQueue::Push(LedgerWork work) {
  const std::pair<int64_t, int64_t> key(work.account_id, work.sim_id);
  const bool pressing = work.urgent || !work.inbound.empty();
  Sim& sim = sims_[key];
  bool& has_turn = pressing ? sim.pressing : sim.waits;
  if (!sim.pressing && !has_turn) {
    turns_.Push(key.first, key, pressing);
    has_turn = true;
  }
  sim.works.push_back(std::move(work));
  ++waiting_[key.first];
  ++size_;
}

std::vector<LedgerWork> LedgerQueue::Take(size_t most) {
  std::vector<LedgerWork> taken;
  for (int64_t cost = 0; size_ > 0 && taken.size() < most && cost < kShare;) {
    turns_.Pop([&](const std::pair<int64_t, int64_t>& key) {
      const auto found = sims_.find(key);
      Sim& sim = found->second;
      (sim.pressing ? sim.pressing : sim.waits) = false;
      std::vector<LedgerWork> works = std::exchange(sim.works, {});
      if (!sim.waits) sims_.erase(found);
      if (works.empty()) return int64_t{0};
      int64_t price = 0;
      for (const LedgerWork& work : works) price += CostOf(work);
      size_ -= works.size();
      if ((waiting_[key.first] -= works.size()) == 0) waiting_.erase(key.first);
      std::move(works.begin(), works.end(), std::back_inserter(taken));
      cost += price;
      return price;
    });
  }
  return taken;
}

}  // namespace mo::sims
