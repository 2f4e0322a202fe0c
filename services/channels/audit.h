// Proves from the rows, here and at sims, that the ledgers of broadcasts add up.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/channels/broadcast_store.h"

namespace mo::channels {

// Walks all broadcasts of all accounts in the order of their keys, some per run, over and over, and
// checks of each, whatever its state:
//   skips       the expansion's counts of who was skipped, by reason, are what the rows of skips
//               hold; read by one statement, and always true.
//   recipients  sims has resolved - skipped recipients. A page that is stored but may not have
//               reached sims is the only leeway: sims has at least all the others and at most all.
//               When no page is stored, so when the broadcast is complete, there is none.
// Sims is asked between two reads of the expansion. What sims has only grows, so it must be at
// least what the first read demands, and at most what the second one allows (recipients_missing,
// recipients_surplus): a difference is never a false alarm. Each is counted and logged once per
// walk that meets it. The walk's position is kept in memory: a process begins anew.
class Audit {
 public:
  // Calls as a part of `app`; counts in `metrics`.
  Audit(App& app, Metrics& metrics, storage::Database& database);

  // Checks the next broadcasts; false: the rest can wait for the next interval.
  absl::StatusOr<bool> RunOnce();

 private:
  enum class Kind : size_t;
  // An expansion and its skips at one moment.
  struct Standing;

  absl::StatusOr<std::optional<Standing>> Next();
  absl::Status Check(const Standing& before);
  // `found` is not what it must be: `wanted`, or at least or at most that.
  void Raise(Kind kind, BroadcastKey key, int64_t found, int64_t wanted);

  storage::Database& database_;
  Client<sims_v1::DispatchService> sims_;
  prometheus::Counter& audited_;
  std::vector<prometheus::Counter*> differences_;  // by kind
  BroadcastKey last_;                              // that was checked; zero between walks
};

}  // namespace mo::channels
