// The table of single messages.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"
#include "services/inbox/delivery_state.h"

namespace mo::inbox {

namespace v1 = messageorganizer::inbox::v1;

// How far an outbound message is on its way to sims.
enum class Phase : int16_t { kWaits = 0, kSubmitting = 1, kSubmitted = 2 };

// An outbound message with what only this service knows of it.
struct Outbound {
  int64_t account_id = 0;
  v1::Message message;
  Phase phase = Phase::kSubmitted;
  absl::Time due_time = absl::InfinitePast();
  bool stop_confirmation = false;
};

// A place in a dialog, newest first: what is older than (time, id) comes after it.
struct TimelineCursor {
  absl::Time time = absl::InfiniteFuture();
  int64_t id = 0;
};

// When a message stands in its dialog.
absl::Time TimeOf(const v1::Message& message);

// Written with the commit at the latest.
void InsertOutbound(storage::Transaction& tx, const Outbound& outbound);
// An inbound message of an account, by the number that sims gave it.
struct InboundRow {
  int64_t account_id = 0;
  int64_t inbound_id = 0;
  const v1::Message* message = nullptr;
};
// Keeps inbound messages; InsertedInbound tells which of them were not there already.
storage::Pending InsertInbound(storage::Transaction& tx, const std::vector<InboundRow>& rows);
absl::StatusOr<std::set<std::pair<int64_t, int64_t>>> InsertedInbound(storage::Pending inserted);
// MESSAGE_NOT_FOUND when it is not there.
absl::StatusOr<v1::Message> SelectMessage(storage::Transaction& tx, int64_t account_id, int64_t id);
// The same, locked until the transaction ends.
absl::StatusOr<Outbound> LockMessage(storage::Transaction& tx, int64_t account_id, int64_t id);
// A contact's messages after the cursor, newest first.
absl::StatusOr<std::vector<v1::Message>> SelectTimeline(storage::Transaction& tx,
                                                        int64_t contact_id,
                                                        const TimelineCursor& after, int32_t limit);
// Messages by account and id.
using Outbounds = std::map<std::pair<int64_t, int64_t>, Outbound>;
// LockMessage for several messages; LockedMessages has those that are there.
storage::Pending LockMessages(storage::Transaction& tx,
                              const std::set<std::pair<int64_t, int64_t>>& ids);
absl::StatusOr<Outbounds> LockedMessages(storage::Pending locked);
// What was received with ids in [first, end), by id.
absl::StatusOr<std::vector<v1::Message>> SelectReceived(storage::Transaction& tx, int64_t first,
                                                        int64_t end, int32_t limit);
// Raises the state of a locked message if it rises. What has a state from sims is submitted.
bool Raise(Outbound& outbound, DeliveryState state, DeliveryReason reason);
// Writes the states of locked messages, with the commit at the latest.
void UpdateStates(storage::Transaction& tx, const std::vector<const Outbound*>& raised);
// All of that for one message: the message after it, or nothing when nothing has changed or there
// is no such message.
absl::StatusOr<std::optional<v1::Message>> RaiseState(storage::Transaction& tx, int64_t account_id,
                                                      int64_t id, DeliveryState state,
                                                      DeliveryReason reason);
// Takes up to `limit` messages of all accounts that are due, with the phases they had; they are
// submitting from now on, and due again at `next`.
absl::StatusOr<std::vector<Outbound>> ClaimDue(storage::Transaction& tx, absl::Time now,
                                               absl::Time next, int32_t limit);
// Marks messages as submitted; the same number of accounts and ids. Those that somebody else has
// locked are not waited for: they have news from sims, which marks them too.
absl::Status MarkSubmitted(storage::Transaction& tx, const std::vector<int64_t>& account_ids,
                           const std::vector<int64_t>& ids);

}  // namespace mo::inbox
