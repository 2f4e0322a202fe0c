// The table of registrations.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;

// A row: the registration without what follows from it, and what its deep link carries.
struct RegistrationRow {
  v1::Registration registration;
  std::string link_text;
  std::string language;
};

absl::Status InsertRegistration(storage::Transaction& tx, const RegistrationRow& row);
// With the contact's state of now. REGISTRATION_NOT_FOUND when it is not there.
absl::StatusOr<RegistrationRow> SelectRegistration(storage::Transaction& tx, int64_t id);
// The channels of a contact's registrations that were not taken before, sorted; each registration
// is taken once. only: this registration; 0: all.
absl::StatusOr<std::vector<std::string>> TakeChannels(storage::Transaction& tx, int64_t contact_id,
                                                      int64_t only = 0);
// Gives the registrations of one contact to another.
absl::Status MoveRegistrations(storage::Transaction& tx, int64_t from_contact, int64_t to_contact);
absl::Status DeleteRegistrations(storage::Transaction& tx, int64_t contact_id);

}  // namespace mo::contacts
