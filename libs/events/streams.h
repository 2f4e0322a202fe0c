// A consumer's side of Redis: the streams of one source.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/events/position.h"
#include "libs/events/signal.h"
#include "libs/redis/connection.h"

namespace mo::events {

// An event as it lies in a stream.
struct Entry {
  Event event;
  Position position = 0;
  Position previous = 0;  // the event before it in the partition
};

// Where a partition is read: after a position, from the shared stream or from the consumer's own
// replay.
struct Place {
  int partition = 0;
  Position after = 0;
  bool replay = false;
};

// Errors are UNAVAILABLE; calls may follow at once. Not for use by several threads.
class Streams {
 public:
  // `consumer` is unique over all services.
  Streams(redis::ConnectionOptions options, std::string consumer, std::string source);

  // Up to `count` entries of each place that has any; waits for the first one until the timeout, or
  // until `stop` is set. An answer without entries is an empty map.
  absl::StatusOr<std::map<int, std::vector<Entry>>> Read(const std::vector<Place>& places,
                                                         size_t count, absl::Duration timeout,
                                                         const Signal& stop);
  // For each place whether the shared stream lacks events after it.
  absl::StatusOr<std::vector<bool>> Lacks(const std::vector<Place>& places);
  // Asks the relay to bring what the stream lacks to the partition's replay.
  absl::Status RequestReplay(const Place& place);
  // Drops what was handled of a replay, so that more comes.
  absl::Status AdvanceReplay(const Place& place);
  absl::Status EndReplay(int partition);
  // Tells the relay how far the partitions have come.
  absl::Status Acknowledge(const std::vector<Place>& places);

 private:
  absl::Status Run(const std::vector<redis::Arguments>& commands);
  std::string Key(const Place& place) const;
  std::vector<Entry> ParseEntries(const redis::Reply& entries, int partition) const;

  const std::string consumer_;
  const std::string source_;
  redis::Connection redis_;
};

}  // namespace mo::events
