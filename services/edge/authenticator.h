// Who an API key belongs to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/identity.h"

namespace mo::edge {

// The accounts service's answers, kept for at most 5 seconds (refusals: 1 second), so that a
// revoked key ends in time. Secrets are kept as SHA-256 only. Safe for concurrent use.
class Authenticator {
 public:
  using Done = std::function<void(absl::StatusOr<Caller>)>;
  // Asks the accounts service; calls back from any thread.
  using Lookup =
      std::function<void(const std::string& secret, const std::string& request_id, Done)>;

  static constexpr absl::Duration kKeep = absl::Seconds(5);
  static constexpr absl::Duration kKeepRefusal = absl::Seconds(1);
  static constexpr size_t kMaxEntries = 10000;

  Authenticator(const Clock& clock, Lookup lookup) : clock_(clock), lookup_(std::move(lookup)) {}

  // Passes the caller that the `Authorization` header's value names (account, actor, scopes), or
  // UNAUTHENTICATED, at once when it is known, else later. Requests that come while one asks wait
  // for its answer.
  void Authenticate(absl::string_view authorization, const std::string& request_id, Done done);

  // Keys remembered.
  size_t size() {
    absl::MutexLock lock(&mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    absl::StatusOr<Caller> answer = absl::UnknownError("asking");
    absl::Time until = absl::InfinitePast();
    bool asking = false;
    std::vector<Done> waiting;
  };

  void Answer(const std::string& digest, absl::StatusOr<Caller> answer);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const Lookup lookup_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::edge
