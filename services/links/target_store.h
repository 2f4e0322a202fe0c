// Targets from the database.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/clock.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "services/links/target.h"

namespace mo::links {

// What somebody came with: a code that was chosen or made up, or a personal code's number.
struct TargetKey {
  std::string code;
  std::optional<int64_t> number;
};

// Looks targets up, many in one statement. Thread-safe.
class TargetStore {
 public:
  using Done = std::function<void(absl::StatusOr<TargetPtr>)>;

  TargetStore(const Clock& clock, storage::Database& database);

  // Calls `done` on a thread of its own: a target, one that does not exist, or the database's
  // error. False when more than 10,000 wait: `done` is not called.
  bool Load(TargetKey key, Done done) { return loads_.TryAdd({std::move(key), std::move(done)}); }
  // Whether the database does not answer: the last load failed, or one has been under way for 300
  // ms.
  bool troubled() const;
  void Stop() { loads_.Stop(); }

 private:
  struct Wanted {
    TargetKey key;
    Done done;
  };

  void LoadAll(std::vector<Wanted> wanted);
  absl::StatusOr<std::vector<TargetPtr>> Select(const std::vector<Wanted>& wanted);

  const Clock& clock_;
  storage::Database& database_;
  std::atomic<int64_t> began_ = 0;  // of the load under way, steady ns; 0: none
  std::atomic<bool> failed_ = false;
  storage::GroupCommit<Wanted> loads_;
};

}  // namespace mo::links
