// Lets series happen.
#pragma once

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/channels/occurrences.h"

namespace mo::channels {

// Makes a broadcast of each occurrence when its time has come. Any number may run, in any number of
// processes: the broadcast and the series' step to the next occurrence commit together.
class SeriesWorker {
 public:
  SeriesWorker(App& app, storage::Database& database, events::Outbox& outbox,
               Occurrences& occurrences);

  // Settles some series that are due; true when there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  absl::StatusOr<bool> Settle(SeriesKey key);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Occurrences& occurrences_;
  prometheus::Counter& failures_;
};

}  // namespace mo::channels
