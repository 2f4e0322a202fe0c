// The one place where recipients change state, messages arrive and windows open: in group commits.
#pragma once

#include <atomic>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "services/sims/ledger_batch.h"
#include "services/sims/ledger_queue.h"
#include "services/sims/ledger_work.h"

namespace mo::sims {

class Quality;

// Commits works in batches. A failure that may pass (UNAVAILABLE, ABORTED, DEADLINE_EXCEEDED,
// CANCELLED) is retried until it does or the process stops: works are never dropped halfway, their
// agents simply are not acknowledged. With any other failure the batch is halved until the works to
// blame stand alone: they fail, the others are committed.
class LedgerCommit {
 public:
  // `quality` counts what becomes of messages; null: nobody does.
  LedgerCommit(App& app, storage::Database& database, events::Outbox& outbox,
               Quality* quality = nullptr);
  ~LedgerCommit() { Stop(); }

  // False when too much of the account waits or it is stopping.
  bool Add(LedgerWork work);
  void Stop();

 private:
  // One of the two queues, each fair to accounts. Small batches of all kinds share a commit; urgent
  // works get commits of their own only beside large ones.
  using Queue = storage::GroupCommit<LedgerWork, LedgerQueue>;

  // Where an urgent work of the SIM goes: behind its earlier ones, while there are any.
  Queue& Enter(int64_t sim_id);
  void Leave(int64_t sim_id);
  void Flush(absl::Span<const LedgerWork> works);
  // Commits them together. An error is permanent, or the process stops.
  absl::Status Try(absl::Span<const LedgerWork> works, std::vector<LedgerOutcome>& outcomes);
  void Refuse(const LedgerWork& work, const absl::Status& status);
  absl::Status Commit(storage::Transaction& tx, absl::Span<const LedgerWork> works,
                      std::vector<LedgerOutcome>& outcomes);
  absl::Status Report(storage::Transaction& tx, const LedgerBatch& batch);
  absl::Status Tell(storage::Transaction& tx, const LedgerBatch& batch);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Quality* const quality_;
  prometheus::Histogram& seconds_;
  prometheus::Counter& batches_;
  prometheus::Counter& works_;
  prometheus::Counter& refused_;
  prometheus::Counter& inbound_;
  std::vector<prometheus::Counter*> states_;  // by state
  std::atomic<bool> stopping_{false};
  std::atomic<bool> busy_{false};
  // SIMs with urgent works: how many, and whether they are in urgent_.
  struct Urgent {
    bool beside = false;
    int works = 0;
  };
  absl::Mutex mutex_;
  absl::flat_hash_map<int64_t, Urgent> urgent_sims_ ABSL_GUARDED_BY(mutex_);
  Queue commits_;
  Queue urgent_;
};

}  // namespace mo::sims
