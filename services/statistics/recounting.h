// Compares the statistics with the events that they are made of.
#pragma once

#include <memory>

#include "libs/events/events.h"
#include "libs/events/locks.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/statistics/recount_store.h"

namespace mo::statistics {

// Counts all events that are kept once more, by a consumer of its own into a table of its own, up
// to where the other one was when it began; then every number must be what it was then. Whatever is
// counted meanwhile disturbs neither this nor a repair. One run at a time in all processes; a
// process that dies leaves it to another, which begins anew.
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
  absl::Status GoOn(const v1::Recount& run);
  // A run that cannot be finished is failed, so that another can begin.
  absl::Status Fail(const absl::Status& error);
  absl::StatusOr<bool> Lock();
  absl::Status Begin(const v1::Recount& run);
  // Counts those of the batch that the other consumer had counted when this began.
  absl::Status Count(storage::Transaction& tx, const std::vector<events::Event>& batch) const;
  absl::StatusOr<bool> CaughtUp();
  absl::Status Finish(const v1::Recount& run);
  void End();

  App& app_;
  storage::Database& database_;
  events::Locks locks_;
  std::unique_ptr<events::Consumer> consumer_;
  OffsetsByPartition targets_;  // const while the consumer runs
  int failures_ = 0;            // in a row
};

}  // namespace mo::statistics
