// The one place where recipients change state, messages arrive and windows open: in group commits.
#pragma once

#include <functional>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Recipients of one dispatch that are about to be attempted.
struct Window {
  int64_t dispatch_id = 0;
  std::vector<int> indices;          // into the dispatch's recipients
  std::vector<int64_t> contact_ids;  // of these
  bool resend = false;  // were attempted under an earlier lease, at an idempotent device
  bool ignore_suppression = false;
  absl::Time expire_time = absl::InfinitePast();  // InfinitePast: never
};

// A recipient's new standing.
struct Transition {
  int64_t key = 0;  // DeliveryKey
  Standing standing;
};

// What became of a work.
struct LedgerOutcome {
  // OK: committed. ABORTED: the lease is lost; nothing of it was done.
  absl::Status status;
  // For each window, the indices that are now ATTEMPTING and must be sent.
  std::vector<std::vector<int>> opened;
  // Dispatches of windows that are paused: nothing of them was opened.
  std::vector<int64_t> paused;
};

// What one agent's frame, or one request for windows, changes; committed as a whole.
struct LedgerWork {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  int64_t epoch = 0;
  std::vector<Window> windows;
  std::vector<Transition> transitions;
  std::vector<v1::Inbound> inbound;
  std::vector<v1::GroupMembership> groups;
  common::Network network = common::NETWORK_UNSPECIFIED;
  // Runs on the commit thread, in the order of the works. Must not block.
  std::function<void(const LedgerOutcome&)> done;
};

// Commits works in batches. A database failure is retried until it succeeds or the process stops:
// works are never dropped halfway, their agents simply are not acknowledged.
class LedgerCommit {
 public:
  LedgerCommit(App& app, storage::Database& database, events::Outbox& outbox);
  ~LedgerCommit() { Stop(); }

  // False when too much waits or it is stopping.
  bool Add(LedgerWork work) { return commits_.TryAdd(std::move(work)); }
  void Stop();

 private:
  struct Batch;

  void Flush(std::vector<LedgerWork> works);
  absl::Status Commit(storage::Transaction& tx, std::vector<LedgerWork>& works,
                      std::vector<LedgerOutcome>& outcomes);
  absl::Status CheckLeases(storage::Transaction& tx, Batch& batch);
  absl::Status LockStates(storage::Transaction& tx, Batch& batch);
  absl::Status FindSuppressed(storage::Transaction& tx, Batch& batch);
  void OpenWindows(Batch& batch);
  void Fold(Batch& batch);
  absl::Status WriteStates(storage::Transaction& tx, Batch& batch);
  absl::Status Report(storage::Transaction& tx, Batch& batch);
  absl::Status StoreInbound(storage::Transaction& tx, Batch& batch);
  absl::Status StoreGroups(storage::Transaction& tx, Batch& batch);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  prometheus::Histogram& seconds_;
  prometheus::Counter& batches_;
  prometheus::Counter& works_;
  prometheus::Counter& inbound_;
  std::vector<prometheus::Counter*> states_;  // by state
  std::atomic<bool> stopping_{false};
  storage::GroupCommit<LedgerWork> commits_;
};

}  // namespace mo::sims
