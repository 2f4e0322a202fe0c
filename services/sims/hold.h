// Quiet hours of dispatches: what is in them is held until their end.
//
// A held dispatch is not loaded (dispatch_states.hold_until), so others are not behind it. It is
// held when it is submitted, or when it is loaded; a sender that has it when its quiet hours begin
// forgets it, and finds it held when it loads it again.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/runtime/quiet_hours.h"
#include "libs/storage/database.h"
#include "services/sims/loaded_dispatch.h"

namespace mo::sims {

// Until when a dispatch is held: the end of its quiet hours, or its expiry (InfinitePast: never),
// for then it is to be skipped. InfinitePast when it is not held.
absl::Time HoldUntil(const QuietTimes& quiet, absl::Time expire_time, absl::Time now);

// Notes which of the loaded dispatches are held, and takes out of them what has to wait. What is
// left, and stays among the loaded: doubtful messages, which an agent that is not idempotent never
// gets again.
absl::Status HoldQuiet(storage::Database& database, int64_t account_id, bool idempotent,
                       absl::Time now, std::vector<std::shared_ptr<LoadedDispatch>>& loaded);

}  // namespace mo::sims
