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

// Appends to the ledger. how: "message" with its inbound_id, "network", or who did it.
void AppendConsent(storage::Transaction& tx, int64_t contact_id, Consent kind, absl::Time time,
                   int64_t inbound_id, const std::string& how);

// An entry of the ledger.
struct Declared {
  Consent kind;
  absl::Time time;
  std::string how;
};
// What a contact has declared last, the latest first; some of them if there are many.
absl::StatusOr<std::vector<Declared>> SelectDeclared(storage::Transaction& tx, int64_t contact_id);

// What became of an inbound message.
struct InboundSeen {
  int64_t contact_id = 0;
  v1::InboundOutcome outcome = v1::INBOUND_OUTCOME_UNSPECIFIED;
  std::vector<std::string> channel_ids;
  // Whether the contact exists still; if not, this is as good as nothing.
  bool stands = true;
};

// Asks for it; SeenIn() has the answer, nothing when it was not seen.
storage::Pending AskSeen(storage::Transaction& tx, int64_t inbound_id);
absl::StatusOr<std::optional<InboundSeen>> SeenIn(storage::Pending asked);
// The transaction fails with ALREADY_EXISTS "inbound_seen_pkey" when another call was faster.
void InsertSeen(storage::Transaction& tx, int64_t inbound_id, const InboundSeen& seen,
                absl::Time now);
// The same, with the channels of the contact's registrations that were not taken before; each
// registration is taken once. only: this registration; 0: all. Ask for the outcome after the
// commit: ChannelsIn() has the channels, sorted.
storage::Pending InsertSeenTaking(storage::Transaction& tx, int64_t inbound_id,
                                  const InboundSeen& seen, int64_t only, absl::Time now);
absl::StatusOr<std::vector<std::string>> ChannelsIn(storage::Pending inserted);
// Makes way for a message whose contact does not exist any more.
void DeleteFallenSeen(storage::Transaction& tx, int64_t inbound_id);
// Deletes some of those older, over all accounts; true when there may be more.
absl::StatusOr<bool> DeleteSeen(storage::Transaction& tx, absl::Time before);

}  // namespace mo::contacts
