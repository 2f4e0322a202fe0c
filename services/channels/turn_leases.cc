#include "services/channels/turn_leases.h"

#include <vector>

#include "libs/runtime/status.h"

namespace mo::channels {

TurnLeases::Held::~Held() {
  std::lock_guard lock(leases_.mutex_);
  leases_.held_.erase(number_);
}

TurnLeases::Held TurnLeases::Hold(const Turn& turn) {
  std::lock_guard lock(mutex_);
  held_[++last_] = {turn.key, turn.epoch, app_.clock().Now() + kLongestTurn};
  return {*this, last_};
}

absl::StatusOr<bool> TurnLeases::RenewOnce() {
  std::vector<Entry> due;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, entry] : held_) {
      if (app_.clock().Now() < entry.end) due.push_back(entry);
    }
  }
  // One by one: none waits for another's row.
  for (const Entry& entry : due) {
    MO_RETURN_IF_ERROR(database_.As(entry.key.account_id, [&](storage::Transaction& tx) {
      return RenewTurn(tx, entry.key, entry.epoch);
    }));
  }
  return false;
}

}  // namespace mo::channels
