// What an agent's frame says, sorted by what is to be done with it.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "services/sims/ledger_work.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// A frame's items.
struct FrameContent {
  std::vector<v1::SendResult> results;
  std::vector<Transition> transitions;  // of results and receipts, in their order
  std::vector<v1::Inbound> inbound;
  std::vector<v1::GroupMembership> groups;
  std::vector<v1::AgentCredit> credits;
  std::vector<v1::JoinResult> joins;

  // Nothing of it must be made durable.
  bool empty() const {
    return transitions.empty() && inbound.empty() && groups.empty() && results.empty();
  }
};

// OK, or what the agent has done wrong: a gap in seq, too many items, a field past its limits.
absl::Status CheckFrame(const v1::AgentFrame& frame, int64_t last_seq);

// `may_throttle` tells whether a THROTTLED result of a key is to be heeded; see
// Sender::MayThrottle.
FrameContent SortFrame(const v1::AgentFrame& frame,
                       absl::FunctionRef<bool(int64_t key)> may_throttle);

}  // namespace mo::sims
