#include "services/sims/ledger_batch.h"

namespace mo::sims {

DispatchState* LedgerBatch::Find(int64_t account_id, int64_t sim_id, int64_t dispatch_id) {
  const auto found = states.find({account_id, dispatch_id});
  return found == states.end() || found->second.sim_id != sim_id ? nullptr : &found->second;
}

void LedgerBatch::Enter(DispatchState& state, int index, Standing standing) {
  state.status[static_cast<size_t>(index)] = Pack(standing);
  state.changed = true;
  ++entered[static_cast<size_t>(standing.state)];
}

void LedgerBatch::Fold() {
  for (size_t i = 0; i < works.size(); ++i) {
    if (!live(i)) continue;
    for (const Transition& transition : works[i].transitions)
      Apply(works[i].account_id, works[i].sim_id, transition);
  }
  for (const Settled& each : settled) Apply(each.account_id, each.sim_id, each.transition);
}

void LedgerBatch::Apply(int64_t account_id, int64_t sim_id, const Transition& transition) {
  // A key that is none of this SIM's is a mistake of the agent; it changes nothing.
  DispatchState* state = Find(account_id, sim_id, DispatchOf(transition.key));
  if (state == nullptr) return;
  const int index = IndexOf(transition.key);
  if (static_cast<size_t>(index) >= state->status.size()) return;
  const Standing before = Unpack(state->status[static_cast<size_t>(index)]);
  if (!Rises(before.state, transition.standing.state)) return;
  CountTransition(before, transition.standing, quality[{account_id, sim_id}]);
  Enter(*state, index, transition.standing);
}

void LedgerBatch::OpenWindows() {
  for (size_t i = 0; i < works.size(); ++i) {
    if (!live(i)) continue;
    outcomes[i].opened.resize(works[i].windows.size());
    for (size_t w = 0; w < works[i].windows.size(); ++w) {
      const Window& window = works[i].windows[w];
      DispatchState* state = Find(works[i].account_id, works[i].sim_id, window.dispatch_id);
      if (state == nullptr) continue;
      const bool skipped =
          state->control == v1::GROUP_CONTROL_CANCEL ||
          (window.expire_time != absl::InfinitePast() && window.expire_time <= now);
      if (!skipped &&
          (state->control == v1::GROUP_CONTROL_PAUSE || paused_sims.contains(works[i].sim_id))) {
        outcomes[i].paused.push_back(window.dispatch_id);
        continue;
      }
      Open(works[i], window, *state, outcomes[i].opened[w]);
    }
  }
}

bool LedgerBatch::MayReply(const LedgerWork& work, const Window& window, size_t n) const {
  if (window.reply_addresses.empty()) return true;
  const auto found = reply_open.find({work.account_id, work.sim_id, window.reply_addresses[n]});
  return found != reply_open.end() && found->second + window.reply_grace > now;
}

void LedgerBatch::Open(const LedgerWork& work, const Window& window, DispatchState& state,
                       std::vector<int>& opened) {
  const bool expired = window.expire_time != absl::InfinitePast() && window.expire_time <= now;
  for (size_t n = 0; n < window.indices.size(); ++n) {
    const int index = window.indices[n];
    const common::DeliveryState before = Unpack(state.status[static_cast<size_t>(index)]).state;
    if (before == common::DELIVERY_STATE_ATTEMPTING && window.resend) {
      // It may have left before; where it must not leave any more, nobody can say.
      if (expired || state.control == v1::GROUP_CONTROL_CANCEL) {
        Enter(state, index, {common::DELIVERY_STATE_UNCERTAIN, {}});
      } else {
        opened.push_back(index);
      }
      continue;
    }
    if (before != common::DELIVERY_STATE_QUEUED) continue;
    Standing next{common::DELIVERY_STATE_ATTEMPTING, common::DELIVERY_REASON_UNSPECIFIED};
    if (state.control == v1::GROUP_CONTROL_CANCEL) {
      next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_CANCELED};
    } else if (expired) {
      next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_EXPIRED};
    } else if (!window.ignore_suppression &&
               suppressed.contains({work.account_id, window.contact_ids[n]})) {
      next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_STOPPED};
    } else if (!MayReply(work, window, n)) {
      next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_WINDOW_CLOSED};
    } else {
      opened.push_back(index);
    }
    Enter(state, index, next);
  }
}

}  // namespace mo::sims
