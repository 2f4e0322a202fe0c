// Counts the clicks that the redirect has committed.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/links/v1/clicks.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// Turns batches into rows of visitors, sums by hour, and LinkClicked events, all in the transaction
// that marks the batches as counted.
class Counter {
 public:
  Counter(App& app, storage::Database& database, events::Outbox& outbox)
      : app_(app), database_(database), outbox_(outbox) {}

  // Counts up to 200 batches; true when there may be more.
  absl::StatusOr<bool> RunOnce();
  // Deletes what is older than `retention` of visitors, and counted batches after 30 days; true
  // when there may be more.
  absl::StatusOr<bool> DeleteOld(absl::Duration retention);

 private:
  absl::Status Count(storage::Transaction& tx, const std::vector<v1::CountedClick>& clicks);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
};

}  // namespace mo::links
