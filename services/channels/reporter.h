// Follows what sims makes of broadcasts: tells of their counts and notices their end.
#pragma once

#include <functional>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/channels/ledger.h"

namespace mo::channels {

// Events only mark broadcasts (a write at most once per report, however many events there are);
// RunOnce reads the marked ones' ledgers, tells of their counts at most once per second each, and
// ends those that nobody is queued for any more. A broadcast that is SENDING is looked at every 30
// s without any event, so that a lost mark costs no more than that.
class Reporter {
 public:
  Reporter(App& app, storage::Database& database, events::Outbox& outbox, Ledgers& ledgers)
      : app_(app), database_(database), outbox_(outbox), ledgers_(ledgers) {}
  // Called when there is something to report.
  void OnMarked(std::function<void()> kick) { kick_ = std::move(kick); }

  // The events that Handle has something to do for.
  static bool Wants(const events::Event& event);
  // Handles sims' DispatchProgress and links' LinkClicked.
  absl::Status Handle(storage::Transaction& tx, const std::vector<events::Event>& batch);
  // Reports on a batch; true when there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  absl::Status Report(BroadcastKey key);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Ledgers& ledgers_;
  std::function<void()> kick_ = [] {};
};

}  // namespace mo::channels
