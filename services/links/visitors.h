// Who has clicked, where nobody knows who it was.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"

namespace mo::links {

// Hashes of address and program, different every day (UTC): 64 bits under a salt that all processes
// share through the database and that is deleted two days later. The address itself is kept
// nowhere. Thread-safe.
class Visitors {
 public:
  Visitors(App& app, storage::Database& database);

  // Never 0.
  uint64_t Hash(absl::Time now, absl::string_view address, absl::string_view user_agent);

  // Fetches or makes today's and tomorrow's salt, deletes old ones. False: there is no more to do
  // now. Until it has run, and on days that began while the database was away, the process uses a
  // salt of its own.
  absl::StatusOr<bool> Refresh();

 private:
  using Salt = std::array<unsigned char, 16>;
  struct Day {
    int64_t day = -1;  // since 1970
    Salt salt{};
  };

  static Salt RandomSalt();
  void Learn(int64_t day, const Salt& salt);

  App& app_;
  storage::Database& database_;
  absl::Mutex mutex_;
  Day today_ ABSL_GUARDED_BY(mutex_);
  Day tomorrow_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::links
