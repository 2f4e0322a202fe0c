// Compares the statistics with the events that they are made of.
#pragma once

#include <memory>

#include "libs/events/events.h"
#include "libs/events/locks.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/statistics/recount_store.h"

namespace mo::statistics {

// Counts all events that are kept once more, by a consumer of its own into a table of its own,
// until it has come as far as the other one had when it began; then every number of the intervals
// that lie wholly within that time must be the same. One run at a time in all processes; a process
// that dies leaves it to another, which begins anew.
class Recounting {
 public:
  Recounting(App& app, storage::Database& database)
      : app_(app), database_(database), locks_(database) {}

  // Begins a run. Fails with RECOUNT_RUNNING.
  absl::StatusOr<v1::Recount> Start(const Caller& caller, const v1::StartRecountRequest& request);
  absl::StatusOr<v1::Recount> Get();
  // Goes on with the run, if there is one.
  absl::StatusOr<bool> RunOnce();
  // Leaves it to others.
  void Stop();

 private:
  absl::StatusOr<bool> Lock();
  absl::Status Begin();
  absl::StatusOr<bool> CaughtUp();
  absl::Status Finish(const v1::Recount& run);
  void End();

  App& app_;
  storage::Database& database_;
  events::Locks locks_;
  std::unique_ptr<events::Consumer> consumer_;
  OffsetsByPartition targets_;
  // What came since then, late, may still differ for a moment.
  absl::Time patience_end_ = absl::InfiniteFuture();
};

}  // namespace mo::statistics
