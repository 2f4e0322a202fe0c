// The service's tables, as they are written.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "services/statistics/facts.h"

namespace mo::statistics {

// The lengths of intervals that are kept, each beginning with a multiple of its length since 1970.
enum class Resolution : int16_t { kMinute = 0, kQuarter = 1, kHour = 2, kDay = 3 };
inline constexpr int kResolutions = 4;
absl::Duration LengthOf(Resolution resolution);
// For how long they are kept; days for ever.
absl::Duration RetentionOf(Resolution resolution);

// One number's place, in the order of the key.
struct RollupKey {
  int64_t account_id = 0;
  Resolution resolution = Resolution::kMinute;
  Metric metric = Metric::kRegistered;
  absl::Time start;
  Subject subject;

  std::strong_ordering operator<=>(const RollupKey&) const = default;
};
// Changes of numbers.
using Rollups = std::map<RollupKey, int64_t>;

// Where numbers are kept.
enum class Ledger { kLive, kRecount };

// Adds changes of any accounts to what is there (system role).
void AddRollups(storage::Transaction& tx, Ledger ledger, const Rollups& rollups);

// A SIM, or a broadcast and one of its channels.
struct Relation {
  int64_t account_id = 0;
  int64_t id = 0;
  int64_t value = 0;  // the SIM's network, the broadcast's channel

  auto operator<=>(const Relation&) const = default;
};
void KeepSims(storage::Transaction& tx, const std::vector<Relation>& sims);
void KeepBroadcastChannels(storage::Transaction& tx, const std::vector<Relation>& channels);

// Deletes up to 5,000 fine intervals that are older than they are kept (system role); true when
// there may be more.
absl::StatusOr<bool> DeleteOldRollups(storage::Transaction& tx, absl::Time now);

}  // namespace mo::statistics
