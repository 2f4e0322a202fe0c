// What has happened to SIMs: rows of sims.history.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// How long it is kept.
inline constexpr absl::Duration kHistoryRetention = absl::Hours(90 * 24);

// A row that is about to be written.
struct HistoryEntry {
  absl::Time time;
  v1::SimState state;  // afterwards
  std::string code;
  std::string detail;
  std::string actor;  // "": the system itself
  double speed = 1;   // afterwards
};
void AddHistory(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                const HistoryEntry& entry);
// Notes something that changes neither state nor speed; once for the same time, code and words.
void NoteHistory(storage::Transaction& tx, int64_t account_id, int64_t sim_id, absl::Time time,
                 const std::string& code, const std::string& detail);
// Sets a SIM's speed and notes the decision; nothing when it has this speed already.
void ChangeSpeed(storage::Transaction& tx, int64_t account_id, int64_t sim_id, double speed,
                 const std::string& code, const std::string& detail, absl::Time now);

// A page of a SIM's history.
struct HistoryPage {
  std::vector<v1::SimHistoryEntry> entries;  // newest first
  int64_t next = 0;                          // the `before` of the next page; 0: there is none
};
// What is older than `before`.
absl::StatusOr<HistoryPage> SelectHistory(storage::Transaction& tx, int64_t sim_id, int64_t before,
                                          int32_t limit);
// Deletes up to 1,000 rows from before `time`; whether there may be more.
absl::StatusOr<bool> ForgetHistory(storage::Transaction& tx, absl::Time time);

}  // namespace mo::sims
