// Proves from the rows that the dispatch ledger is what it must be.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/metrics.h"
#include "libs/storage/database.h"

namespace mo::sims {

// Walks all dispatches of all accounts in the order of their keys, a bounded part per run, over and
// over. Of each it sees that there is one state row per dispatch and vice versa. It checks the rows
// themselves when they have changed since the walk before, once a day all of them:
//   status_length  there is one status byte per recipient
//   status_byte    each of them is a state, with a reason exactly if it failed or was skipped
//   open           somebody is queued or attempting exactly if the dispatch is open
//   contact_order  contacts ascend, each once
//   contact_range  the range that finds the dispatch has all of them in it
//   addresses      there is one per recipient
//   parameters     there is one value per recipient and name
// All of this holds at every moment, and each part is read by one statement, hence at one moment: a
// difference is never a false alarm. Each is counted, and logged with the counts that differ, once
// per walk that meets it.
//
// The walk's position is kept in memory: a process begins anew, so that its counters tell of every
// difference there is.
class Audit {
 public:
  Audit(Metrics& metrics, const Clock& clock, storage::Database& database);

  // Checks the next part; false: the rest can wait for the next interval.
  absl::StatusOr<bool> RunOnce();

 private:
  enum class Kind : size_t;
  // What a page was, towards the limits of a run.
  struct Passed {
    int64_t dispatches = 0;
    int64_t checked = 0;     // of these
    int64_t recipients = 0;  // of those checked
  };

  void Begin();
  absl::StatusOr<Passed> CheckPage();
  void CheckRow(const storage::Row& row);
  void Raise(Kind kind, const storage::Row& row);

  const Clock& clock_;
  storage::Database& database_;
  prometheus::Counter& audited_;
  std::vector<prometheus::Counter*> differences_;  // by kind
  // The last dispatch that was passed; zero between walks.
  int64_t account_id_ = 0;
  int64_t dispatch_id_ = 0;
  absl::Time begin_ = absl::InfinitePast();       // of this walk
  absl::Time begin_full_ = absl::InfinitePast();  // of the last one that checked all rows
  absl::Time since_ = absl::InfinitePast();       // rows that changed before are not checked
};

}  // namespace mo::sims
