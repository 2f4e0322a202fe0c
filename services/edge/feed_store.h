// The events of the live feed in PostgreSQL.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/database.h"

namespace mo::edge {

// One event as clients see it.
struct FeedEvent {
  int64_t account_id = 0;
  int64_t seq = 0;      // 1, 2, … for each account, given by Append
  std::string type;     // "message.received"
  std::string payload;  // JSON
  absl::Time time;
};

// Blocking; for the threads of consumers and of the hub.
class FeedStore {
 public:
  explicit FeedStore(storage::Database& database) : database_(database) {}

  // Numbers the events in their order and appends them, with the statement that comes next in the
  // transaction: the one that moves the consumer's offset.
  void Append(storage::Transaction& tx, std::vector<FeedEvent> events);

  // The last number of each account; accounts without events are left out.
  absl::StatusOr<std::map<int64_t, int64_t>> Heads(const std::vector<int64_t>& accounts);

  // Up to `limit` events after `seq`, in order.
  absl::StatusOr<std::vector<FeedEvent>> Read(int64_t account_id, int64_t seq, int limit);

  // The smallest number kept, or 0 when none is.
  absl::StatusOr<int64_t> Oldest(int64_t account_id);

  // Deletes up to 1,000 events from before `time`; true when there may be more.
  absl::StatusOr<bool> Trim(absl::Time time);

 private:
  storage::Database& database_;
};

}  // namespace mo::edge
