// Who gets a broadcast, page by page, and in which dispatches.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "libs/tracking/tracker.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "services/channels/expansion_store.h"
#include "services/channels/personal.h"

namespace mo::channels {

namespace contacts_v1 = messageorganizer::contacts::v1;

// The next contacts of an audience.
struct Candidates {
  std::vector<int64_t> ids;  // ascending, each once
  bool complete = false;     // there are no more
  std::string source_token;  // of a resend, see Expansion
};

// The contacts above `after`, in their order, at most `limit` (at least one, if there is any):
// subscribers of the channels, and the contacts named. Exclusions are among them.
absl::StatusOr<Candidates> NextCandidates(storage::Transaction& tx, int64_t account_id,
                                          const v1::Audience& audience, int64_t after,
                                          int32_t limit);

// Most contacts of a page, so that answers and requests about it stay below gRPC's limit however
// long the contacts' values are.
int32_t PageLimit(const Expansion& before, size_t parameters);

// Decides a page: who of the candidates is skipped and why, and the dispatches to the others, at
// most 1,000 recipients and about 2 MB each. Depends on its arguments only. `known` is sorted by
// id, and has time zones when the broadcast has applied_quiet_hours.
// `links`: of personal.urls(), recipients being the candidates in their order.
Page MakePage(const v1::Broadcast& broadcast, const Personal& personal, const Expansion& before,
              const Candidates& candidates, const contacts_v1::ResolveContactsResponse& known,
              const std::optional<tracking::PersonalLinks>& links = std::nullopt);

// The stored page without the dispatches of these keys: their recipients are skipped for want of
// a SIM.
Page Without(const Expansion& expansion, const std::set<std::string>& keys);

// The requests that send a stored page: all that sims has to know, in calls of bounded size.
std::vector<sims_v1::SubmitRequest> RequestsOf(const v1::Broadcast& broadcast,
                                               const sims_v1::SubmitRequest& stored);

}  // namespace mo::channels
