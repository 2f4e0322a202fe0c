// The table of places at sims that are in doubt; see places.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "services/contacts/contact_store.h"

namespace mo::contacts {

// Enters an attempt for a contact that does not exist yet; the answer is the number it will have,
// which is that of the others who ask for the same phone, else address. Without both every attempt
// is alone. The transaction fails with ALREADY_EXISTS "places_key" when the contact exists by now,
// or its place is being given up.
storage::Pending JoinNewPlace(storage::Transaction& tx, int64_t id, const Identity& identity,
                              absl::Time now);
// The same for a contact that exists without a SIM; CONTACT_BUSY while it is being given up.
absl::Status JoinPlaceOf(storage::Transaction& tx, const ContactRow& row, absl::Time now);
// Ends the doubt: the caller enters the place in contacts, in this transaction, or undoes it all.
// Claimed() is false when another has ended it.
storage::Pending ClaimPlace(storage::Transaction& tx, int64_t contact_id);
absl::StatusOr<bool> Claimed(storage::Pending claim);
// Takes an attempt back that is known to have got no place.
void LeavePlace(storage::Transaction& tx, int64_t contact_id);
// Decides that contacts' places are given up; the contacts do not exist (any more).
void CondemnPlaces(storage::Transaction& tx, const std::vector<int64_t>& contact_ids,
                   Network network, absl::Time now);

// Over all accounts: condemns places that nobody has touched since, and returns the condemned.
absl::StatusOr<std::vector<ContactKey>> CondemnOldPlaces(storage::Transaction& tx,
                                                         absl::Time before, int32_t limit);
// Forgets a condemned place that was given up.
void DeletePlace(storage::Transaction& tx, int64_t contact_id);

}  // namespace mo::contacts
