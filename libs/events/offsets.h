// A consumer's side of PostgreSQL: how far it has come in a source.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/events/position.h"

namespace mo::events {

// The rows of one consumer and source.
class Offsets {
 public:
  Offsets(storage::Database& database, std::string consumer, std::string source);

  // The offsets of partitions, 0 for new ones.
  absl::StatusOr<std::map<int, Position>> Load(const std::vector<int>& partitions);
  // A partition's offset, which was believed to be at `from`.
  struct Step {
    int partition = 0;
    Position from = 0;
    Position to = 0;
  };
  // Moves offsets in the transaction; false if one is not where the caller believes it to be:
  // another process works on the partition, and the transaction must not commit.
  absl::StatusOr<bool> Move(storage::Transaction& tx, const std::vector<Step>& steps);

 private:
  storage::Database& database_;
  const std::string consumer_;
  const std::string source_;
  const std::string insert_sql_;
  const std::string load_sql_;
  const std::string move_sql_;
};

}  // namespace mo::events
