// Brings a service's events from its outbox to Redis.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/events/position.h"
#include "libs/events/relay_store.h"
#include "libs/events/signal.h"
#include "libs/redis/connection.h"
#include "libs/redis/script.h"

namespace mo::events {

// One thread. Of all processes of a service one leads and publishes; the others pass kicks on to
// it. The last id of a stream is the relay's cursor: a stream that was wiped or has lost its end is
// filled again from there, and two leaders at once publish nothing twice.
class Relay {
 public:
  Relay(App& app, const storage::Database& database, OutboxOptions options);
  ~Relay();
  void Start();
  // Idempotent.
  void Stop();
  // There are new events. Cheap; from any thread.
  void Kick(Urgency urgency);

 private:
  // What a stream said to a batch.
  struct Answer {
    bool done = false;
    Position last = 0;
    int64_t length = 0;
  };
  // A batch for a stream.
  struct Batch {
    std::string stream;
    std::string expected;
    bool may_be_missing = false;
    const std::vector<OutboxRow>* rows = nullptr;
  };
  struct Partition {
    Position cursor = 0;
    bool missing = false;  // the stream does not exist; the cursor is where it will begin
  };

  void Run();
  absl::Status Follow();
  absl::StatusOr<bool> Round();
  absl::Status Synchronize();
  absl::StatusOr<bool> Publish(const Backlog& backlog);
  absl::Status CheckAge();
  absl::Status Adopt(Partition& partition, size_t number, Position last);
  absl::StatusOr<bool> ServeReplays();
  absl::Status Tick();
  absl::Status Trim();
  void Wait();
  void ClearKicks();
  absl::StatusOr<std::vector<Answer>> RunScript(const std::vector<Batch>& batches);

  const std::string service_;
  const OutboxOptions options_;
  RelayStore store_;
  redis::Connection redis_;
  redis::Connection subscription_;
  const redis::Script script_;
  prometheus::Counter& published_;
  prometheus::Gauge& lag_;
  prometheus::Gauge& leads_;
  Signal kicked_;
  Signal soon_;
  std::atomic<bool> soon_is_set_ = false;  // spares most of its system calls
  Signal stop_;
  std::thread thread_;

  // Of the thread.
  bool leader_ = false;
  bool synchronized_ = false;
  bool known_ = false;  // the cursors were right once
  bool found_ = false;  // the last look brought events
  bool pending_ = false;
  int pending_rounds_ = 0;
  int64_t replays_ = 0;
  absl::Time next_check_;
  absl::Time next_tick_;
  std::array<Partition, kPartitions> partitions_;
};

}  // namespace mo::events
