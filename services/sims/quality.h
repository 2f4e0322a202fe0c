// Counts what becomes of SIMs' messages.
#pragma once

#include <map>
#include <mutex>
#include <tuple>

#include "absl/status/statusor.h"
#include "libs/runtime/clock.h"
#include "libs/storage/database.h"
#include "services/sims/quality_rules.h"

namespace mo::sims {

// Gathers in memory what the ledger has committed, so that no commit has to write it, and adds it
// to the database now and then. A process that crashes loses what it counted since: a second of
// statistics; a failure after that, seen as one of a message that was never counted as accepted,
// makes an hour's count lower than it was. Thread-safe.
class Quality {
 public:
  Quality(const Clock& clock, storage::Database& database) : clock_(clock), database_(database) {}

  // These were committed.
  void Add(const QualityBySim& counts);
  // Writes what was gathered; what cannot be written now is kept for the next time.
  absl::Status Flush();

 private:
  using Key = std::tuple<int64_t, int64_t, absl::Time>;  // account, SIM, hour

  const Clock& clock_;
  storage::Database& database_;
  std::mutex mutex_;
  std::map<Key, QualityCounts> gathered_;  // ordered: rows are locked in one order
};

// How long hours are kept; 24 are needed.
inline constexpr absl::Duration kQualityRetention = absl::Hours(7 * 24);
// Deletes up to 1,000 hours from before `time`; whether there may be more.
absl::StatusOr<bool> ForgetQuality(storage::Transaction& tx, absl::Time time);
// Deletes all that was measured of a SIM.
void DeleteQuality(storage::Transaction& tx, int64_t sim_id);

}  // namespace mo::sims
