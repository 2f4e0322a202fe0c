// The works of one transaction of the ledger, and what they make of the dispatches they touch.
#pragma once

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"
#include "services/sims/ledger_work.h"
#include "services/sims/quality_rules.h"

namespace mo::sims {

// A dispatch by account and number.
using DispatchId = std::pair<int64_t, int64_t>;

// What a network names: a message or a group, by account, SIM and name.
using NameInSim = std::tuple<int64_t, int64_t, std::string>;

// A transition of a SIM's message.
struct Settled {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  Transition transition;
};

// A dispatch's state row while it is locked, and what names the dispatch.
struct DispatchState {
  std::string key;
  std::string group;
  int64_t sim_id = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  v1::GroupControl control = v1::GROUP_CONTROL_UNSPECIFIED;
  std::string status;
  std::string status_before;  // as it was read
  absl::Time report_time;
  absl::Time create_time;
  common::MessageClass message_class = common::MESSAGE_CLASS_UNSPECIFIED;
  bool open = true;
  bool changed = false;
  bool report = false;
};

// What was read for the works, and the decisions: all in memory. Whoever owns it reads before and
// writes after.
struct LedgerBatch {
  absl::Span<const LedgerWork> works;
  absl::Span<LedgerOutcome> outcomes;  // of each work
  absl::Time now;
  // What receipts by name turned out to mean. They are true whoever holds a lease.
  std::vector<Settled> settled = {};
  std::map<DispatchId, DispatchState> states = {};  // ordered: rows are locked in one order
  absl::flat_hash_set<std::pair<int64_t, int64_t>> suppressed = {};  // (account, contact)
  absl::flat_hash_set<int64_t> paused_sims = {};
  // Until when addresses may be written to freely, or could be.
  absl::flat_hash_map<NameInSim, absl::Time> reply_open = {};
  std::map<NameInSim, int64_t> inbound = {};  // numbers of the messages that were not known
  std::array<int, 16> entered = {};           // how many recipients entered each state
  QualityBySim quality = {};                  // what became of the SIMs' messages

  // Whether a work is still to be done: its lease is not lost.
  bool live(size_t i) const { return outcomes[i].status.ok(); }
  // Applies the transitions.
  void Fold();
  // Moves recipients of the windows to ATTEMPTING, or to SKIPPED where they must not be sent to.
  void OpenWindows();

 private:
  // Whether the network lets a window's n-th recipient be written to.
  bool MayReply(const LedgerWork& work, const Window& window, size_t n) const;
  // The state of a SIM's dispatch; nullptr when it is none of this SIM's.
  DispatchState* Find(int64_t account_id, int64_t sim_id, int64_t dispatch_id);
  void Apply(int64_t account_id, int64_t sim_id, const Transition& transition);
  void Open(const LedgerWork& work, const Window& window, DispatchState& state,
            std::vector<int>& opened);
  void Enter(DispatchState& state, int index, Standing standing);
};

}  // namespace mo::sims
