// Who of a service's replicas works on which partitions.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/storage/database.h"

namespace mo::events {

// For a connection that holds advisory locks, and is used every second by those who hold them: a
// process that is stopped, or a machine that is gone without a word, must not keep them.
inline constexpr char kEndIfStopped[] = "SET idle_session_timeout = '10s'";

// Advisory locks on a connection of their own: they last as long as it. Thread-safe.
class Locks {
 public:
  explicit Locks(const storage::Database& database) : database_(database) {}

  // What is known after joining a group.
  struct Membership {
    int64_t session = 0;  // another number than before: all locks were lost
    int members = 1;      // processes in the group, this one included
  };
  // Counts this process as a member of the group for as long as the session lasts. Connects if
  // necessary.
  absl::StatusOr<Membership> Join(absl::string_view group);
  // True if the lock is this session's now. UNAVAILABLE if the session is another one by now.
  absl::StatusOr<bool> TryLock(int64_t session, absl::string_view name);
  void Unlock(int64_t session, absl::string_view name);
  // Ends the session.
  void Close();

 private:
  absl::StatusOr<storage::Result> Query(const char* sql, int64_t key);

  const storage::Database& database_;
  std::mutex mutex_;
  std::unique_ptr<storage::Connection> connection_;
  int64_t session_ = 0;
};

}  // namespace mo::events
