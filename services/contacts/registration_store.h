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

void InsertRegistration(storage::Transaction& tx, const RegistrationRow& row);
// With the contact's state of now. REGISTRATION_NOT_FOUND when it is not there.
absl::StatusOr<RegistrationRow> SelectRegistration(storage::Transaction& tx, int64_t id);
// Gives the registrations of one contact to another.
void MoveRegistrations(storage::Transaction& tx, int64_t from_contact, int64_t to_contact);
void DeleteRegistrations(storage::Transaction& tx, const std::vector<int64_t>& contact_ids);

}  // namespace mo::contacts
