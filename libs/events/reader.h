// One consumer's thread for one source.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "libs/events/dead.h"
#include "libs/events/events.h"
#include "libs/events/locks.h"
#include "libs/events/offsets.h"
#include "libs/events/signal.h"
#include "libs/events/streams.h"

namespace mo::events {

// Reads the partitions that are this process's share, and hands their events to the handler. A
// partition that fails waits by itself; the others go on.
class Reader {
 public:
  Reader(App& app, storage::Database& database, const ConsumerOptions& options, std::string source,
         Handler handler, std::shared_ptr<Locks> locks);
  ~Reader();
  void Start();
  // Asks the thread to end; Join waits for it.
  void RequestStop() { stop_.Set(); }
  void Join();
  // When it has ended: tells the source that everything is read.
  absl::Status Retire();

 private:
  struct Partition {
    int number = 0;
    Position offset = 0;        // handled, or not wanted
    Position stored = 0;        // as far as the database knows
    Position read = 0;          // not less than the last of `events`
    std::vector<Event> events;  // fetched, not yet handled
    bool replaying = false;
    bool offset_unknown = false;  // a commit failed: it may have happened
    int failures = 0;             // of the next batch, in a row
    int refusals = 0;             // of those, the ones that more patience will not cure
    Position single_until = 0;    // events up to here are handled one by one
    absl::Time not_before;
  };
  // How a batch ended.
  struct Outcome {
    absl::Status status;
    bool fenced = false;  // another process has moved the offset
  };

  void Run();
  void Tick();
  absl::Status Rebalance();
  absl::Status Acquire(const std::vector<int>& numbers);
  void CheckStreams();
  absl::Status Fetch();
  void Accept(Partition& partition, std::vector<Entry> entries);
  void Finish(Partition& partition);
  void StoreSkipped();
  // True if there was anything to handle.
  bool HandleReady();
  std::vector<Partition*> Share();
  void HandleShared(const std::vector<Partition*>& partitions);
  void Handle(Partition& partition);
  absl::Status Reload(Partition& partition);
  Outcome Apply(const std::vector<Event>& batch, const std::vector<Offsets::Step>& steps);
  Outcome Park(Partition& partition, const Event& event, const absl::Status& error);
  void LookAtDead();
  absl::Status Replay(DeadEvents::Key key);
  void Succeeded(Partition& partition, size_t count);
  void Failed(Partition& partition, size_t count, const Outcome& outcome);
  void Report(const absl::Status& status);
  void SetLag();
  absl::Time NextWake() const;
  std::vector<Place> Places() const;
  std::string LockName(int partition) const;
  Place PlaceOf(const Partition& partition) const;

  const Clock& clock_;
  storage::Database& database_;
  const std::string consumer_;  // as other services know it
  const std::string source_;
  const size_t batch_;
  const int max_attempts_;
  const std::function<bool(const Event&)> wants_;
  const absl::Duration linger_;
  const Handler handler_;
  const std::shared_ptr<Locks> locks_;
  Offsets offsets_;
  DeadEvents dead_events_;
  Streams streams_;
  prometheus::Counter& handled_;
  prometheus::Counter& retries_;
  prometheus::Counter& parked_;
  prometheus::Gauge& dead_;
  prometheus::Gauge& lag_;
  Signal stop_;
  std::thread thread_;

  // Of the thread.
  int64_t session_ = 0;
  std::map<int, Partition> owned_;
  absl::Time next_tick_;
  absl::Status rebalanced_;
  bool healthy_ = true;
};

}  // namespace mo::events
