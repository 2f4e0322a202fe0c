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

// The lengths of intervals that are kept, of UTC.
enum class Resolution : int16_t { kMinute = 0, kQuarter = 1, kHour = 2, kDay = 3, kMonth = 4 };
inline constexpr int kResolutions = 5;
// The longest that one is.
absl::Duration LengthOf(Resolution resolution);
// The beginning of the interval that a time is in.
absl::Time FloorOf(absl::Time time, Resolution resolution);
// For how long they are kept; days and months for ever.
absl::Duration RetentionOf(Resolution resolution);

// What numbers are kept apart by: the less, the fewer there are to add up for an answer.
enum class Cube : int16_t {
  kTotal = 0,  // kind
  kSim = 1,    // SIM and kind
  kAll = 2,    // all of Subject
  kWhat = 3,   // all but the SIM
};
inline constexpr int kCubes = 4;
// The part of a subject that a cube knows.
Subject In(Cube cube, const Subject& subject);
// Whether a cube keeps intervals so short: nobody looks at the minutes of each SIM, and they are
// most of what would be written.
inline bool Keeps(Cube cube, Resolution resolution) {
  return resolution != Resolution::kMinute || cube == Cube::kTotal || cube == Cube::kWhat;
}

// One number's place, in the order of the key.
struct RollupKey {
  int64_t account_id = 0;
  Cube cube = Cube::kTotal;
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

// Deletes up to 5,000 of each kind of intervals that are older than they are kept (system role);
// true when there may be more.
absl::StatusOr<bool> DeleteOldRollups(storage::Transaction& tx, absl::Time now);

}  // namespace mo::statistics
