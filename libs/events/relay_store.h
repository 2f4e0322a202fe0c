// The relay's side of PostgreSQL.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/events/position.h"

namespace mo::events {

// From where on a partition is to be read.
struct Cursor {
  int partition = 0;
  Position after = 0;
};

// An event in the outbox.
struct OutboxRow {
  Position id = 0;
  std::string envelope;
};

// What lies past some cursors.
struct Backlog {
  std::vector<std::vector<OutboxRow>> rows;  // by cursor, each in order
  bool more = false;                         // some partition has more than was read
  bool pending = false;                      // there are ids whose transactions may still run
  double oldest_age = 0;                     // seconds since the oldest of the rows was written
};

// How far a consumer has come.
struct Ack {
  std::string consumer;
  int partition = 0;
  Position position = 0;
};

// Reads a service's outbox on a connection of its own, whose advisory lock makes it the leader:
// when the connection is gone, so is the leadership.
//
// The order is that of the ids: writers that exclude each other (by a row's lock) append in the
// order of their commits, whenever their transactions began. An id is read only when every
// transaction that could hold a lower one has ended: first the newest id is looked up, then a
// transaction number is taken, which is above that of every holder of an id up to there; once all
// transactions below this number have ended, those ids are complete. Both looks are one round trip.
class RelayStore {
 public:
  explicit RelayStore(const storage::Database& database);

  // Tries to become the leader; true if it is.
  absl::StatusOr<bool> Lead();
  // Gives the leadership up.
  void Resign();
  bool connected() const { return connection_ != nullptr; }

  // Up to 128 events after each cursor, complete as said above.
  absl::StatusOr<Backlog> Read(const std::vector<Cursor>& cursors);
  // The highest id that was given out when Read was last called.
  Position newest() const { return newest_; }
  // The place in each partition that every known consumer has passed; 0 without consumers.
  absl::StatusOr<std::array<Position, kPartitions>> Floors();
  // Raises what is known of consumers. One that was not heard of for 30 days is forgotten.
  absl::Status Save(const std::vector<Ack>& acks);

 private:
  // Ids up to `id` are complete when all transactions below `xid` have ended.
  struct Mark {
    Position id = 0;
    int64_t xid = 0;
  };

  absl::StatusOr<storage::Result> Query(const std::string& sql,
                                        const storage::Parameters& parameters);
  void TakeMark(const storage::Row& row);

  const storage::Database& database_;
  const int64_t lock_key_;
  const std::string mark_sql_;
  const std::string read_sql_;
  const std::string floors_sql_;
  const std::string save_sql_;
  const std::string forget_sql_;
  std::unique_ptr<storage::Connection> connection_;
  std::deque<Mark> marks_;  // ascending, all above complete_
  Position complete_ = 0;
  Position newest_ = 0;
};

}  // namespace mo::events
