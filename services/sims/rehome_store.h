// Tables of re-homing: which SIMs give their contacts away, and where these go.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/ledger_store.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// A SIM of any account.
struct SimKey {
  int64_t account_id = 0;
  int64_t sim_id = 0;
};

// Has a SIM's contacts moved from now on, or tried again at once.
void BeginRehoming(storage::Transaction& tx, const SimKey& sim, absl::Time now);
// Begins with SIMs that the network has blocked, of accounts that want that (system role).
absl::Status BeginBlocked(storage::Transaction& tx, absl::Time now);
// Those that are due (system role).
absl::StatusOr<std::vector<SimKey>> SelectDueRehomings(storage::Transaction& tx, absl::Time now,
                                                       int32_t limit);
// Locks one that is due; none when another process has it at hand. The result is how many contacts
// were moved before.
absl::StatusOr<std::optional<int64_t>> LockRehoming(storage::Transaction& tx, const SimKey& sim,
                                                    absl::Time now);
void ContinueRehoming(storage::Transaction& tx, const SimKey& sim, int64_t moved,
                      absl::Time next_time);
void EndRehoming(storage::Transaction& tx, const SimKey& sim);

// A SIM that gives or takes contacts.
struct Home {
  int64_t id = 0;
  v1::SimState state = v1::SIM_STATE_UNSPECIFIED;
  common::Network network = common::NETWORK_UNSPECIFIED;
  std::string address;
  std::string display_name;
  int64_t capacity = 0;
  int64_t occupancy = 0;
  absl::Time create_time;
};
// Locks a SIM and those of its network that are active and have room, by id. The SIM itself is
// missing when it was deleted.
absl::StatusOr<std::vector<Home>> LockHomes(storage::Transaction& tx, const SimKey& sim);
// Locks contacts of a SIM, by id.
absl::StatusOr<std::vector<int64_t>> LockContacts(storage::Transaction& tx, const SimKey& sim,
                                                  int32_t limit);
// contacts[i] goes from a SIM to sims[i].
void MoveContacts(storage::Transaction& tx, const SimKey& from,
                  const std::vector<int64_t>& contacts, const std::vector<int64_t>& sims);

// The SIM is being deleted: nobody drives it any more, and what waits there will be ended.
void NoteDeleted(storage::Transaction& tx, const SimKey& sim, absl::Time now);
absl::StatusOr<std::vector<SimKey>> SelectDeleted(storage::Transaction& tx);
// Locks open dispatches of a deleted SIM, with their groups.
struct LeftDispatch {
  DispatchStatus dispatch;
  std::string group;
};
absl::StatusOr<std::vector<LeftDispatch>> LockLeft(storage::Transaction& tx, const SimKey& sim,
                                                   int32_t limit);
// Forgets a SIM that was deleted before that time.
void ForgetDeleted(storage::Transaction& tx, const SimKey& sim, absl::Time before);

}  // namespace mo::sims
