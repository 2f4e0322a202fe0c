// Batches of clicks on disk, for as long as the database is away.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace mo::links {

// Clicks that are kept or lost together.
struct ClickBatchRecord {
  std::string id;       // 16 random bytes: kept once, however often it is delivered
  std::string payload;  // v1::ClickBatch
};

// Files in a folder. A record that was cut off by a crash is left out. Thread-safe; processes may
// share a folder.
class Spool {
 public:
  static constexpr size_t kIdBytes = 16;
  // Of a file, which is read as a whole.
  static constexpr int64_t kMaxFile = int64_t{64} << 20;
  // Of all files of this process; beyond, Append fails.
  static constexpr int64_t kMaxBytes = int64_t{4} << 30;

  explicit Spool(std::string folder) : folder_(std::move(folder)) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Makes the folder.
  absl::Status Open();
  // Durable (fdatasync) when it returns OK.
  absl::Status Append(const ClickBatchRecord& record);
  // Gives what is there to `keep`, at most 64 records at once, and deletes each file when all of it
  // was kept; on an error the rest stays. Files that other processes write stay too. How many
  // records were kept.
  absl::StatusOr<int64_t> Deliver(
      const std::function<absl::Status(std::vector<ClickBatchRecord>)>& keep);

 private:
  absl::Status Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string folder_;
  absl::Mutex deliver_mutex_;  // one delivery at a time; taken before mutex_
  absl::Mutex mutex_;
  int file_ ABSL_GUARDED_BY(mutex_) = -1;  // that is written, locked
  int64_t file_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mo::links
