// A consumer's dead events: parked because their handling kept failing, replayed when asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/events/position.h"

namespace mo::events {

// The rows of one consumer and source. Whoever has mended what failed asks for a replay by setting
// replay_time (tools/dead-events does). An event may be handled long after those that came behind
// it: its handler must bear this, or the event is to be discarded.
class DeadEvents {
 public:
  DeadEvents(storage::Database& database, std::string consumer, std::string source);

  // Keeps an event that cannot be handled.
  absl::Status Park(storage::Transaction& tx, const Event& event, const absl::Status& error);

  // One of them.
  struct Key {
    int partition = 0;
    Position id = 0;
  };
  // What some partitions have.
  struct Look {
    int64_t parked = 0;       // counted up to 10,000
    std::vector<Key> marked;  // whose replay is asked for; the oldest 100 of all
  };
  absl::StatusOr<Look> At(const std::vector<int>& partitions);

  // The event, while its replay is asked for.
  absl::StatusOr<std::optional<Event>> Load(storage::Transaction& tx, Key key);
  // Deletes it in the transaction that handles it; false: somebody else has handled or discarded
  // it, and the transaction must not commit.
  absl::StatusOr<bool> Delete(storage::Transaction& tx, Key key);
  // Its replay has failed: counted, and not asked for any more.
  absl::Status Refuse(Key key, const absl::Status& error);

 private:
  storage::Database& database_;
  const std::string consumer_;
  const std::string source_;
  const std::string park_sql_;
  const std::string count_sql_;
  const std::string marked_sql_;
  const std::string load_sql_;
  const std::string delete_sql_;
  const std::string refuse_sql_;
};

}  // namespace mo::events
