// Clicks on their way from the redirect to the database.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "messageorganizer/links/v1/clicks.pb.h"
#include "services/links/spool.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// One click.
struct ClickNote {
  int64_t account_id = 0;
  int64_t link_id = 0;
  int64_t first_number =
      0;  // of the personal code's range; with index: 0 and 0 for the link's own code
  int64_t index = 0;
  uint64_t visitor = 0;
  int64_t time = 0;  // Unix seconds
  bool bot = false;

  auto Key() const {
    return std::tie(account_id, link_id, first_number, index, visitor, time, bot);
  }
  friend bool operator==(const ClickNote& a, const ClickNote& b) { return a.Key() == b.Key(); }
  template <typename H>
  friend H AbslHashValue(H h, const ClickNote& note) {
    return H::combine(std::move(h), note.account_id, note.link_id, note.first_number, note.index,
                      note.visitor, note.time, note.bot);
  }
};

// Makes clicks durable within 100 ms: gathers for 20 ms, commits to links.click_batches; where that
// fails or takes longer than 30 ms, writes the same batch to the spool, which is delivered when the
// database is back. Each batch counts once, whichever way, or both, it has come. Thread-safe.
class ClickLog {
 public:
  ClickLog(App& app, storage::Database& database, Spool& spool);
  ~ClickLog();

  // Never waits. Clicks beyond a million that wait (neither database nor disk takes them) are lost,
  // and counted so.
  void Add(const ClickNote& note);

  void Start();
  // Keeps what waits. Idempotent.
  void Stop();
  // Brings what is in the spool to the database. False: there is no more to do now.
  absl::StatusOr<bool> DeliverSpool();

 private:
  struct Batch {
    ClickBatchRecord record;
    absl::Mutex mutex;
    bool done ABSL_GUARDED_BY(mutex) = false;
    bool kept ABSL_GUARDED_BY(mutex) = false;
    bool IsDone() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return done; }
  };

  void Run();
  void Keep(const std::vector<ClickNote>& notes);
  void KeepBatch(v1::ClickBatch batch);
  bool Commit(const std::shared_ptr<Batch>& batch);
  void CommitAll(const std::vector<std::shared_ptr<Batch>>& batches);
  absl::Status Insert(const std::vector<const ClickBatchRecord*>& records);
  bool stopping() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_; }

  const Clock& clock_;
  storage::Database& database_;
  Spool& spool_;
  prometheus::Counter& clicks_;
  prometheus::Counter& spooled_;
  prometheus::Counter& lost_;
  std::atomic<bool> down_ = false;  // the database; until a delivery has succeeded
  absl::Mutex mutex_;
  // Not a condition of the mutex, which each Add would evaluate.
  absl::CondVar wake_;
  std::vector<ClickNote> notes_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  storage::GroupCommit<std::shared_ptr<Batch>> commits_;
  std::thread thread_;
};

}  // namespace mo::links
