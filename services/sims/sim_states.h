// The states of SIMs: which may follow which, who may bring that about, and what is noted of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Who takes a SIM from one state to another.
enum class StateActor {
  kOperator,  // a request of the account
  kNetwork,   // the network or provider, by what it refuses or tells
  kLift,      // the network, which has lifted its block
  kQuality,   // we ourselves, after what was measured
};

// Whether somebody may take a SIM from one state to another one.
bool MayChange(v1::SimState from, v1::SimState to, StateActor actor);
// Whether a SIM in this state sends.
inline bool Sends(v1::SimState state) {
  return state == v1::SIM_STATE_ACTIVE || state == v1::SIM_STATE_DRAINING;
}

// A change that is wanted.
struct StateChange {
  v1::SimState to = v1::SIM_STATE_UNSPECIFIED;
  StateActor by = StateActor::kOperator;
  std::string code;    // as StateReason.code
  std::string detail;  // for people
  std::string actor;   // "usr_…", "key_…"; "": the system itself
};

// Locks the SIM and changes its state, its reason and its history, and appends SimChanged; whether
// it did. A SIM that is in this state already stays as it is. What must not be: for an operator
// SIM_STATE_INVALID (FAILED_PRECONDITION), for the others nothing happens. SIM_NOT_FOUND when it is
// not there. After the commit the caller tells the gateway (Reconfigure).
absl::StatusOr<bool> ChangeState(storage::Transaction& tx, events::Outbox& outbox,
                                 int64_t account_id, int64_t sim_id, const StateChange& change,
                                 absl::Time now, absl::string_view request_id = "");
// The network has lifted a block: the SIM is again what it was before. Whether it was blocked.
absl::StatusOr<bool> LiftBlock(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id,
                               int64_t sim_id, const std::string& detail, absl::Time now);

// Appends SimChanged for a SIM that has come or gone; its state is the same, its history has
// nothing of it.
absl::Status TellOnline(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id,
                        int64_t sim_id, v1::SimState state, bool online);

}  // namespace mo::sims
