// Proof of consent: an append-only ledger, and what became of each inbound message.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;

// What a contact has declared; the numbers are stored.
enum class Consent : int32_t { kOptIn = 1, kOptOut = 2 };

// Appends to the ledger. how: "message" with its inbound_id, or who did it.
absl::Status AppendConsent(storage::Transaction& tx, int64_t contact_id, Consent kind,
                           absl::Time time, int64_t inbound_id, const std::string& how);

// What became of an inbound message.
struct InboundSeen {
  int64_t contact_id = 0;
  v1::InboundOutcome outcome = v1::INBOUND_OUTCOME_UNSPECIFIED;
  std::vector<std::string> channel_ids;
};

// Nothing when it was not seen, or its contact does not exist any more.
absl::StatusOr<std::optional<InboundSeen>> SelectSeen(storage::Transaction& tx, int64_t inbound_id);
// Fails with ALREADY_EXISTS "inbound_seen_pkey" when another call was faster.
absl::Status InsertSeen(storage::Transaction& tx, int64_t inbound_id, const InboundSeen& seen,
                        absl::Time now);
// Deletes some of those older, over all accounts; true when there may be more.
absl::StatusOr<bool> DeleteSeen(storage::Transaction& tx, absl::Time before);

}  // namespace mo::contacts
