// The tables of expansions (how far audiences are resolved) and of who was skipped in them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"
#include "services/channels/broadcast_store.h"

namespace mo::channels {

namespace common = messageorganizer::common::v1;

// Numbers of skipped contacts, by number of the reason.
using SkipCounts = std::vector<int64_t>;

// How far an audience is resolved.
struct Expansion {
  int64_t page = 0;    // pages so far
  int64_t cursor = 0;  // the last contact of the last page
  // Of a resend, instead of the cursor: sims' page token of the failed deliveries that come next.
  std::string source_token;
  bool complete = false;
  int32_t sims = 0;  // of the last page
  // What the last page sends, while it may not have reached sims: key, SIM and recipients of each
  // dispatch; all else is the broadcast's.
  std::optional<sims_v1::SubmitRequest> stored;
  int64_t resolved = 0;  // contacts of all pages
  SkipCounts skipped;    // of these
};

// An expansion that this process works at until the lease ends.
struct Turn {
  BroadcastKey key;
  int64_t epoch = 0;
  Expansion expansion;
  // What its account was charged for contacts that are not decided, see Charge.
  double advance = 0;
};

// A page that has been decided.
struct Page {
  Expansion after;
  std::vector<int64_t> skipped_contacts;
  std::vector<int16_t> skipped_reasons;
};

// `due_time` absent: a draft's, which is not to be expanded before it is opened (Reopen).
absl::Status InsertExpansion(storage::Transaction& tx, int64_t id,
                             std::optional<absl::Time> due_time);
absl::StatusOr<Expansion> SelectExpansion(storage::Transaction& tx, BroadcastKey key);
// Takes the lease of the next due broadcast, if any: of the account that has been charged least
// since it waits, the one that has waited longest. Leases end by the database's clock; due times
// are by the app's. In O(log n), but for what becomes due. One at a time in all processes: one that
// sleeps in the middle keeps the others waiting for a second, then all it did is undone.
absl::StatusOr<std::optional<Turn>> TakeTurn(storage::Transaction& tx, absl::string_view owner,
                                             absl::Time now);
// Adds to what an account has had: contacts by its weight. A newcomer begins where the others are.
void Charge(storage::Transaction& tx, int64_t account_id, double price);
// Prolongs a turn's lease, unless it is another's by now, or was given back.
absl::Status RenewTurn(storage::Transaction& tx, BroadcastKey key, int64_t epoch);
// Makes an expansion due at once, so that a change of its broadcast takes effect.
absl::Status Reopen(storage::Transaction& tx, BroadcastKey key, absl::Time due_time);
// Stores the page after the turn's; TURN_LOST when the lease is another's by now.
absl::Status StorePage(storage::Transaction& tx, const Turn& turn, const Page& page,
                       absl::Time now);
// Takes dispatches back out of the stored page: `page` is what is left of it, and who is skipped
// instead; TURN_LOST.
absl::Status ShrinkPage(storage::Transaction& tx, const Turn& turn, const Page& page,
                        absl::Time now);
// The stored page has reached sims: gives the lease back; TURN_LOST. One that has not begun yet
// leaves the queue until it is due.
absl::Status EndTurn(storage::Transaction& tx, const Turn& turn, bool open, bool begun);
// Gives the lease back for the next attempt at that time.
absl::Status PostponeTurn(storage::Transaction& tx, const Turn& turn, absl::Time due_time);

// A contact that was skipped before it reached a SIM.
struct Skip {
  int64_t page = 0;
  int64_t index = 0;  // in its page
  int64_t contact_id = 0;
  common::DeliveryReason reason = common::DELIVERY_REASON_UNSPECIFIED;
  absl::Time time;
};
// Up to `limit` from a page's index on, by page and contact.
absl::StatusOr<std::vector<Skip>> SelectSkips(storage::Transaction& tx, BroadcastKey key,
                                              int64_t page, int64_t index, size_t limit);

}  // namespace mo::channels
