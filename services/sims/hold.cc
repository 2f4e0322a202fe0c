#include "services/sims/hold.h"

#include <algorithm>

namespace mo::sims {

absl::Time HoldUntil(const QuietTimes& quiet, absl::Time expire_time, absl::Time now) {
  const std::optional<absl::Time> end = quiet.EndAt(now);
  const bool expires = expire_time != absl::InfinitePast();
  if (!end || (expires && expire_time <= now)) return absl::InfinitePast();
  return expires ? std::min(*end, expire_time) : *end;
}

constexpr char kHold[] =
    "UPDATE sims.dispatch_states SET hold_until = $3 WHERE account_id = $1 AND id = $2";
absl::Status HoldQuiet(storage::Database& database, int64_t account_id, bool idempotent,
                       absl::Time now, std::vector<std::shared_ptr<LoadedDispatch>>& loaded) {
  std::vector<std::shared_ptr<LoadedDispatch>> held;
  for (const auto& dispatch : loaded) {
    if (dispatch->QuietAt(now)) held.push_back(dispatch);
  }
  if (held.empty()) return absl::OkStatus();
  // In the order of ids, as the ledger's commits lock.
  absl::Status noted = database.As(account_id, [&](storage::Transaction& tx) {
    for (const auto& dispatch : held) {
      tx.Defer(kHold, account_id, dispatch->id,
               HoldUntil(*dispatch->quiet, dispatch->expire_time, now));
    }
    return absl::OkStatus();
  });
  if (!noted.ok()) return noted;
  for (const auto& dispatch : held) {
    dispatch->queued.clear();
    if (idempotent) dispatch->resend.clear();
  }
  loaded.erase(std::remove_if(loaded.begin(), loaded.end(),
                              [](const auto& dispatch) { return dispatch->drained(); }),
               loaded.end());
  return absl::OkStatus();
}

}  // namespace mo::sims
