// The queue of what goes to other systems: claims what is due, has it sent, writes down what came
// of it. What dies with this process is claimed again, under the same id, when its lease ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/synchronization/mutex.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "services/rules/breakers.h"
#include "services/rules/courier.h"
#include "services/rules/forward_store.h"
#include "services/rules/signing.h"
#include "services/rules/webhook_store.h"

namespace mo::rules {

// How soon it is tried again after so many attempts, without jitter: 10 s, doubling, at most 6
// hours; a bot after 1 s, doubling, at most 30 s.
absl::Duration Backoff(v1::ForwardKind kind, int32_t attempts);

// Thread-safe.
class ForwardQueue {
 public:
  // At once, in this process.
  static constexpr int32_t kInFlight = 128;
  static constexpr int32_t kPerDestination = 8;

  ForwardQueue(App& app, storage::Database& database, events::Outbox& outbox,
               SigningSecrets& secrets);

  // Claims and sends once; true when there may be more to send.
  absl::StatusOr<bool> RunOnce();
  // Something is due.
  void Kick();
  void SetWorker(Worker& worker) { worker_ = &worker; }
  // Ends or waits for what is under way, and writes down what came of it.
  void Stop();

 private:
  struct Result {
    Forward forward;
    absl::Time lease_end;
    WebhookNews news;
  };

  absl::StatusOr<std::vector<Parcel>> ClaimParcels();
  void Start(Parcel parcel);
  void Finish(Forward forward, const Outcome& outcome, absl::Time began);
  // What follows from the outcome: the forward's next state.
  void Settle(Forward& forward, const Outcome& outcome);
  void Retry(Forward& forward, absl::Duration delay);
  void GiveUp(Forward forward);
  void Save(std::vector<Result> results);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  SigningSecrets& secrets_;
  prometheus::Gauge& in_flight_;
  prometheus::Gauge& open_;
  prometheus::Counter& delivered_;
  prometheus::Counter& failed_;
  prometheus::Counter& dead_;
  prometheus::Histogram& seconds_;
  Worker* worker_ = nullptr;
  absl::Mutex mutex_;
  Breakers breakers_ ABSL_GUARDED_BY(mutex_){kPerDestination};
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
  std::string cursor_ ABSL_GUARDED_BY(mutex_);  // destinations up to here have had their turn
  storage::GroupCommit<Result> results_;
  Courier courier_;  // last: what it has under way uses the others
};

}  // namespace mo::rules
