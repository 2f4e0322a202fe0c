// The table of places at sims that are in doubt; see places.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "services/contacts/contact_store.h"

namespace mo::contacts {

// Enters an attempt for a contact that does not exist yet: the number it will have, which is that
// of the others who ask for the same key. Without a key every attempt is alone. CONTACT_BUSY while
// the place is being given up.
absl::StatusOr<int64_t> JoinNewPlace(storage::Transaction& tx, int64_t id, Network network,
                                     const std::string& key, absl::Time now);
// The same for a contact that exists without a SIM.
absl::Status JoinPlaceOf(storage::Transaction& tx, const ContactRow& row, absl::Time now);
// Ends the doubt: the caller enters the place in contacts, in this transaction. False when another
// has ended it.
absl::StatusOr<bool> ClaimPlace(storage::Transaction& tx, int64_t contact_id);
// Takes an attempt back that is known to have got no place.
absl::Status LeavePlace(storage::Transaction& tx, int64_t contact_id);
// Decides that a contact's place is given up; the contact does not exist (any more).
absl::Status CondemnPlace(storage::Transaction& tx, int64_t contact_id, Network network,
                          absl::Time now);

// Over all accounts: condemns places that nobody has touched since, and returns the condemned.
absl::StatusOr<std::vector<ContactKey>> CondemnOldPlaces(storage::Transaction& tx,
                                                         absl::Time before, int32_t limit);
// Forgets a condemned place that was given up.
absl::Status DeletePlace(storage::Transaction& tx, int64_t contact_id);

}  // namespace mo::contacts
