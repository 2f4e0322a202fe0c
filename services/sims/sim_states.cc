#include "services/sims/sim_states.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/errors.h"
#include "services/sims/sim_history.h"

namespace mo::sims {
namespace {

constexpr v1::SimState kActive = v1::SIM_STATE_ACTIVE, kDraining = v1::SIM_STATE_DRAINING,
                       kPaused = v1::SIM_STATE_PAUSED, kBlocked = v1::SIM_STATE_BLOCKED;
constexpr StateActor kOperator = StateActor::kOperator, kNetwork = StateActor::kNetwork,
                     kLift = StateActor::kLift, kQuality = StateActor::kQuality;

// All that may happen; whatever is not here may not.
struct Step {
  v1::SimState from;
  v1::SimState to;
  StateActor by;
};
constexpr Step kSteps[] = {
    {kActive, kDraining, kOperator},
    {kActive, kPaused, kOperator},
    {kActive, kPaused, kNetwork},  // credentials do not hold, something is missing
    {kActive, kPaused, kQuality},  // too many recipients block it
    {kActive, kBlocked, kNetwork},
    {kDraining, kActive, kOperator},
    {kDraining, kPaused, kOperator},
    {kDraining, kPaused, kNetwork},
    {kDraining, kPaused, kQuality},
    {kDraining, kBlocked, kNetwork},
    {kPaused, kActive, kOperator},
    {kPaused, kDraining, kOperator},
    {kPaused, kBlocked, kNetwork},
    // A block that is still there is found again by the next message.
    {kBlocked, kActive, kOperator},
    // Lifted: as it was before. Nobody else takes a SIM out of a block, or it would be forgotten.
    {kBlocked, kActive, kLift},
    {kBlocked, kDraining, kLift},
    {kBlocked, kPaused, kLift},
};

absl::string_view StateName(v1::SimState state) {
  return absl::StripPrefix(v1::SimState_Name(state), "SIM_STATE_");
}

absl::Status StateInvalid(v1::SimState from, v1::SimState to) {
  std::string message =
      absl::StrCat("a SIM that is ", StateName(from), " cannot become ", StateName(to));
  if (from == kBlocked)
    absl::StrAppend(&message, ": the network has blocked it; resume it when that is over");
  return Error(absl::StatusCode::kFailedPrecondition, "SIM_STATE_INVALID", message);
}

// A SIM's row while it is locked.
struct LockedSim {
  v1::SimState state;
  v1::SimState before_block;
  double speed;
  bool online;
};

constexpr char kLockSimState[] =
    "SELECT s.state, coalesce(s.state_before_block, 0), s.speed, l.expire_time FROM sims.sims s "
    "LEFT JOIN sims.leases l ON l.account_id = s.account_id AND l.sim_id = s.id "
    "WHERE s.account_id = $1 AND s.id = $2 FOR NO KEY UPDATE OF s";
absl::StatusOr<LockedSim> LockState(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                                    absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockSimState, account_id, sim_id));
  if (rows.empty()) return SimNotFound();
  const storage::Row row = rows[0];
  return LockedSim{static_cast<v1::SimState>(row.Int(0)), static_cast<v1::SimState>(row.Int(1)),
                   row.Get<double>(2), row.Time(3) > now};
}

absl::Status AppendChanged(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id,
                           v1::SimChanged event, absl::string_view request_id) {
  return outbox.Append(tx, account_id, event.sim_id(), event, request_id);
}

constexpr char kUpdateSimState[] =
    "UPDATE sims.sims SET state = $3::int, state_code = $4, state_detail = $5, state_time = $6, "
    "state_before_block = NULLIF($7::int, 0), version = version + 1 WHERE account_id = $1 AND id = "
    "$2";
// What was measured before it was resumed must not pause it again.
constexpr char kForgetMeasured[] =
    "UPDATE sims.judgements SET since_accepted = 0, since_failed = 0, since_blocked = 0, "
    "since_time "
    "= $3 WHERE account_id = $1 AND sim_id = $2";
absl::Status ApplyChange(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id,
                         int64_t sim_id, const LockedSim& sim, const StateChange& change,
                         absl::Time now, absl::string_view request_id) {
  tx.Defer(kUpdateSimState, account_id, sim_id, static_cast<int32_t>(change.to), change.code,
           change.detail, now,
           static_cast<int32_t>(change.to == kBlocked ? sim.state : v1::SIM_STATE_UNSPECIFIED));
  if (change.to == kActive) tx.Defer(kForgetMeasured, account_id, sim_id, now);
  AddHistory(tx, account_id, sim_id,
             {now, change.to, change.code, change.detail, change.actor, sim.speed});
  v1::SimChanged event;
  event.set_sim_id(FormatId("sim", sim_id));
  event.set_state(change.to);
  event.set_previous_state(sim.state);
  event.set_online(sim.online);
  event.set_code(change.code);
  event.set_detail(change.detail);
  return AppendChanged(tx, outbox, account_id, std::move(event), request_id);
}

}  // namespace

bool MayChange(v1::SimState from, v1::SimState to, StateActor actor) {
  return std::any_of(std::begin(kSteps), std::end(kSteps), [&](const Step& step) {
    return step.from == from && step.to == to && step.by == actor;
  });
}

absl::StatusOr<bool> ChangeState(storage::Transaction& tx, events::Outbox& outbox,
                                 int64_t account_id, int64_t sim_id, const StateChange& change,
                                 absl::Time now, absl::string_view request_id) {
  MO_ASSIGN_OR_RETURN(const LockedSim sim, LockState(tx, account_id, sim_id, now));
  if (sim.state == change.to) return false;
  if (!MayChange(sim.state, change.to, change.by)) {
    if (change.by == kOperator) return StateInvalid(sim.state, change.to);
    return false;
  }
  MO_RETURN_IF_ERROR(ApplyChange(tx, outbox, account_id, sim_id, sim, change, now, request_id));
  return true;
}

absl::StatusOr<bool> LiftBlock(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id,
                               int64_t sim_id, const std::string& detail, absl::Time now) {
  MO_ASSIGN_OR_RETURN(const LockedSim sim, LockState(tx, account_id, sim_id, now));
  if (sim.state != kBlocked) return false;
  StateChange change{kActive, kLift, "UNBLOCKED", detail, ""};
  if (MayChange(kBlocked, sim.before_block, kLift)) change.to = sim.before_block;
  MO_RETURN_IF_ERROR(ApplyChange(tx, outbox, account_id, sim_id, sim, change, now, ""));
  return true;
}

absl::Status TellOnline(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id,
                        int64_t sim_id, v1::SimState state, bool online) {
  v1::SimChanged event;
  event.set_sim_id(FormatId("sim", sim_id));
  event.set_state(state);
  event.set_previous_state(state);
  event.set_online(online);
  return AppendChanged(tx, outbox, account_id, std::move(event), "");
}

}  // namespace mo::sims
