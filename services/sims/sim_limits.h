// How fast and to how many a SIM may send: what its owner, its warm-up and its network allow.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/storage/connection.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/limits/send_limits.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// How a new SIM begins; first_day 0: it does not begin slowly. A day is 24 hours from the start.
struct WarmUp {
  int32_t first_day = 0;
  int32_t growth_percent = 0;
  int32_t days = 0;
  absl::Time start = absl::InfinitePast();

  // Different recipients that may be written to on the day of `now`; 0: no limit (any more).
  int64_t RecipientsAt(absl::Time now) const;
  // When that changes; InfiniteFuture when it does not any more.
  absl::Time NextDay(absl::Time now) const;
};

// Checks and completes a warm-up that is set now, in the place of another one. Unchanged it goes
// on; one that runs keeps its beginning.
absl::Status SetWarmUp(const WarmUp& current, absl::Time now, v1::WarmUp& warm_up);

WarmUp ReadWarmUp(const v1::WarmUp& warm_up);
v1::WarmUp ShowWarmUp(const WarmUp& warm_up, absl::Time now);

// What a session must know of its SIM's row.
struct SimLimits {
  int messages_per_second = 0;     // the owner's limit; 0: the network's
  double speed = 1;                // the share of the rate that it is held down to
  int64_t recipients_per_day = 0;  // the network's, as far as it has told; 0: none
  WarmUp warm_up = {};

  // Messages per second; `network`: what the network allows, 0: not known. 0: no limit.
  double Rate(double network) const;
  // A rate as a limit, also below one message per second.
  static WindowLimit AsLimit(double rate);
  // Of different recipients in 24 hours; 0: no limit.
  int64_t RecipientsAt(absl::Time now) const;
};

// Its columns, of a table s, and their reading from a row, the first one being column `first`.
#define SIM_LIMIT_COLUMNS                                                                          \
  "s.messages_per_second, s.speed, s.recipients_per_day, s.warm_up_recipients, s.warm_up_growth, " \
  "s.warm_up_days, s.warm_up_start"
SimLimits ReadSimLimits(const storage::Row& row, int first);

}  // namespace mo::sims
