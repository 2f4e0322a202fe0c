#include "libs/events/locks.h"

#include <algorithm>

#include "libs/events/keys.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

// Taking it again would count it twice in this session, so only when it is not held.
constexpr char kJoin[] =
    "SELECT pg_try_advisory_lock_shared($1) WHERE NOT EXISTS (SELECT 1 FROM pg_locks"
    " WHERE locktype = 'advisory' AND objsubid = 1 AND pid = pg_backend_pid()"
    " AND (classid::bigint << 32 | objid::bigint) = $1)";
constexpr char kMembers[] =
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (classid::bigint << 32 | objid::bigint) = $1";
constexpr char kTryLock[] = "SELECT pg_try_advisory_lock($1)";
constexpr char kUnlock[] = "SELECT pg_advisory_unlock($1)";

}  // namespace

absl::StatusOr<storage::Result> Locks::Query(const char* sql, int64_t key) {
  absl::StatusOr<storage::Result> result = connection_->Query(sql, storage::Parameters(key));
  if (connection_->broken()) connection_.reset();
  return result;
}

absl::StatusOr<Locks::Membership> Locks::Join(absl::string_view group) {
  std::lock_guard lock(mutex_);
  if (!connection_) {
    MO_ASSIGN_OR_RETURN(auto connection, database_.Dedicated());
    MO_RETURN_IF_ERROR(connection->Script(kEndIfStopped).status());
    connection_ = std::move(connection);
    ++session_;
  }
  const int64_t key = LockKey(group);
  MO_RETURN_IF_ERROR(Query(kJoin, key).status());
  MO_ASSIGN_OR_RETURN(const storage::Result members, Query(kMembers, key));
  return Membership{session_, std::max(1, static_cast<int>(members[0].Int(0)))};
}

absl::StatusOr<bool> Locks::TryLock(int64_t session, absl::string_view name) {
  std::lock_guard lock(mutex_);
  if (!connection_ || session != session_) return absl::UnavailableError("the session has ended");
  MO_ASSIGN_OR_RETURN(const storage::Result locked, Query(kTryLock, LockKey(name)));
  return locked[0].Bool(0);
}

void Locks::Unlock(int64_t session, absl::string_view name) {
  std::lock_guard lock(mutex_);
  // With the session the lock is gone already.
  if (connection_ && session == session_) (void)Query(kUnlock, LockKey(name));
}

void Locks::Close() {
  std::lock_guard lock(mutex_);
  connection_.reset();
}

}  // namespace mo::events
