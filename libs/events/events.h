// Events between services: appended with the data that they tell about, handled with the effect
// that they have. At least once on the wire, exactly once in the database.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/common/v1/event.pb.h"

namespace mo::events {

// Streams of a service. Fixed: another number would send a key's events past each other.
inline constexpr int kPartitions = 8;

// The partition of a key; the same in all processes and versions.
int PartitionOf(absl::string_view partition_key);

class Locks;
class Reader;
class Relay;

// How soon an event is to be on its way.
enum class Urgency {
  // Somebody waits for what it leads to.
  kNow,
  // With the next that is urgent, or after 30 ms: looking for events costs most of what one costs,
  // so that those which nobody waits for are looked for together.
  kSoon,
};

// How a service's events are kept.
struct OutboxOptions {
  // Rows younger than this stay, for consumers that come later.
  absl::Duration retention = absl::Hours(7 * 24);
  // Entries per stream at most (about); consumers further behind are served from the outbox.
  int64_t stream_limit = 50000;
};

// A service's own events. Thread-safe.
class Outbox {
 public:
  Outbox(App& app, storage::Database& database, OutboxOptions options);
  ~Outbox();

  // Appends an event to the transaction that changes the data; all of a transaction are written in
  // one statement at its end, so that their ids are open for as short as can be. Events of one
  // partition key (a contact's id, else the account's) reach every consumer in the order of their
  // commits, if the writers lock what they change before they append.
  absl::Status Append(storage::Transaction& tx, int64_t account_id, absl::string_view partition_key,
                      const google::protobuf::Message& payload, absl::string_view request_id = "",
                      Urgency urgency = Urgency::kSoon);

  // The thread that brings events to Redis; see InstallOutbox.
  void Start();
  void Stop();
  // Deletes up to 1,000 rows that are old and past every consumer; true when there may be more.
  absl::StatusOr<bool> DeleteOld();

 private:
  const Clock& clock_;
  storage::Database& database_;
  const OutboxOptions options_;
  const std::string insert_sql_;
  const std::string delete_sql_;
  std::unique_ptr<Relay> relay_;
};

// Installs the outbox and the relay of a service.
Outbox& InstallOutbox(App& app, storage::Database& database, OutboxOptions options = {});

// What a consumer sees.
struct Event {
  std::string source;  // the producing service
  int partition = 0;
  int64_t id = 0;  // grows within a partition; unique in the source
  messageorganizer::common::v1::EventEnvelope envelope;
};

// Handles events of one or several partitions, each partition's in their order, inside the
// transaction (of the system role) that also moves the offsets: both happen or neither. May run
// again with the same events after an error, so what it asks of other services must be idempotent;
// ask before the first write, since an open write transaction holds up the events of all others.
// UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED and CANCELLED are retried for ever; other errors
// `max_attempts` times, then the event that fails goes to dead_events and its partition goes on.
using Handler =
    std::function<absl::Status(storage::Transaction& tx, const std::vector<Event>& batch)>;

// What a consumer reads, and how.
struct ConsumerOptions {
  std::string name;  // unique in the service; a new name begins with the oldest event kept
  std::vector<std::string> sources;  // producing services
  size_t batch = 256;                // events in a transaction, at most
  int max_attempts = 10;
  // The events that the handler has something to do for; not set: all. The others cost no
  // transaction, and their part of the offset is written once a second.
  std::function<bool(const Event&)> wants = nullptr;
  // A pause after each look that brought events: under load many share a transaction then, while an
  // event that comes alone waits for nothing. For effects that nobody waits for.
  absl::Duration linger = absl::ZeroDuration();
};

// Reads events and hands them to its handler, one thread per source. Replicas of the service share
// the partitions.
class Consumer {
 public:
  Consumer(App& app, storage::Database& database, ConsumerOptions options, Handler handler);
  ~Consumer();
  void Start();
  // Waits for the handlers under way. Idempotent.
  void Stop();
  // After Stop: it will not come back, so nothing is kept for it by its sources.
  absl::Status Retire();

 private:
  std::shared_ptr<Locks> locks_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

// Installs a consumer: it runs while the app does.
Consumer& InstallConsumer(App& app, storage::Database& database, ConsumerOptions options,
                          Handler handler);

// The payload if the event is of this type.
template <class T>
std::optional<T> As(const Event& event) {
  T payload;
  if (event.envelope.type() != T::descriptor()->full_name() ||
      !payload.ParseFromString(event.envelope.payload())) {
    return std::nullopt;
  }
  return payload;
}

}  // namespace mo::events
