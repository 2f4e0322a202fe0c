// The table of what goes to other systems.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/rules/v1/forwards.pb.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;

// A row.
struct Forward {
  int64_t account_id = 0;
  int64_t id = 0;
  v1::ForwardKind kind = v1::FORWARD_KIND_UNSPECIFIED;
  int64_t rule_id = 0;
  int64_t message_id = 0;
  int64_t contact_id = 0;
  int64_t webhook_id = 0;
  int64_t sequence = 0;
  std::string destination;  // what shares a limit and a breaker
  std::string target;       // for people
  v1::StoredForward request;
  v1::ForwardState state = v1::FORWARD_STATE_PENDING;
  int32_t attempt_count = 0;
  absl::Time next_attempt_time = absl::InfinitePast();  // of a claimed one: its lease's end
  absl::Time expire_time = absl::InfinitePast();
  absl::Time create_time = absl::InfinitePast();
  absl::Time finish_time = absl::InfinitePast();
};

// Adds pending forwards of whatever accounts, in one statement with the commit.
void InsertForwards(storage::Transaction& tx, const std::vector<Forward>& forwards);

// What may be claimed.
struct Claim {
  absl::Time now;
  absl::Time lease_end;
  absl::Time mail_lease_end;  // of mails, which take longer
  std::string after;          // destinations behind this one; "": all
  int32_t slots = 0;          // at most so many
  int32_t per_destination = 0;
  // Of these destinations so many less.
  absl::flat_hash_map<std::string, int32_t> less;
};
// Takes forwards that are due until their leases end, some of each destination, by destination. As
// the system; what another process takes at the same time is left out, and what is for a paused
// webhook.
absl::StatusOr<std::vector<Forward>> ClaimForwards(storage::Transaction& tx, const Claim& claim);

// Writes state, request, attempt_count and the times but create_time of forwards that were
// claimed until `lease_ends` (one each). One that is pending no more, or was taken by another
// since, stays as it is, unless it was delivered.
void SaveAttempts(storage::Transaction& tx, const std::vector<Forward>& forwards,
                  const std::vector<absl::Time>& lease_ends);

// FORWARD_NOT_FOUND when there is none.
absl::StatusOr<Forward> SelectForward(storage::Transaction& tx, int64_t id, bool lock = false);
// Replaces what a retry changes of a forward that was selected in this transaction.
void ReviveForward(storage::Transaction& tx, const Forward& forward);

// Which forwards are listed; 0: whatever.
struct ForwardFilter {
  v1::ForwardState state = v1::FORWARD_STATE_UNSPECIFIED;
  int64_t rule_id = 0;
  int64_t message_id = 0;
};
// Those with ids below `before`, latest first. In one round trip.
absl::StatusOr<std::vector<Forward>> SelectForwards(storage::Transaction& tx,
                                                    const ForwardFilter& filter, int64_t before,
                                                    int32_t limit);
// Those of a webhook with sequence numbers below `before`, latest first.
absl::StatusOr<std::vector<Forward>> SelectDeliveries(storage::Transaction& tx, int64_t webhook_id,
                                                      v1::ForwardState state, int64_t before,
                                                      int32_t limit);

// What was sent again.
struct Replayed {
  int64_t count = 0;
  int64_t last_sequence = 0;  // of those; 0 when there were none
};
// Makes finished deliveries of a webhook in a range of sequence numbers pending again, lowest
// first.
absl::StatusOr<Replayed> ReplayDeliveries(storage::Transaction& tx, int64_t webhook_id,
                                          int64_t from, int64_t to, absl::Time now,
                                          absl::Time expire_time, int32_t limit);
// Deletes up to `limit` forwards of a webhook; how many.
absl::StatusOr<int64_t> DeleteDeliveries(storage::Transaction& tx, int64_t webhook_id,
                                         int32_t limit);
// Deletes up to 1,000 forwards of all accounts that were finished before the time; how many.
absl::StatusOr<int64_t> DeleteForwards(storage::Transaction& tx, absl::Time before);

// As the API shows it, without its attempts.
v1::Forward ShownForward(const Forward& forward);

}  // namespace mo::rules
