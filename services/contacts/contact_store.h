// The table of contacts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;
using messageorganizer::common::v1::Network;

// A row: the contact as others see it, and what only this service knows.
struct ContactRow {
  v1::Contact contact;
  int64_t id = 0;
  int64_t version = 0;
  // Whether sims knows of the last stop or its end.
  bool suppress_synced = true;

  bool has_sim() const { return !contact.sim_id().empty(); }
};

// Whether the address on this network is a phone number.
inline bool AddressIsPhone(Network network) {
  return network == Network::NETWORK_WHATSAPP || network == Network::NETWORK_SMS;
}

// Whether a row is locked until the transaction ends.
enum class Lock { kNo, kYes };

// Fails with ALREADY_EXISTS "contacts_address" or "contacts_pkey" when it is there already.
absl::Status InsertContact(storage::Transaction& tx, const ContactRow& row);
// Writes everything that can change; the row must be locked.
absl::Status SaveContact(storage::Transaction& tx, const ContactRow& row);
absl::Status DeleteContact(storage::Transaction& tx, int64_t id);

// CONTACT_NOT_FOUND when it is not there.
absl::StatusOr<ContactRow> SelectContact(storage::Transaction& tx, int64_t id,
                                         Lock lock = Lock::kNo);
absl::StatusOr<std::optional<ContactRow>> SelectByAddress(storage::Transaction& tx, Network network,
                                                          const std::string& address,
                                                          Lock lock = Lock::kNo);
// The one whose address is the phone, else the oldest that has the phone.
absl::StatusOr<std::optional<ContactRow>> SelectByPhone(storage::Transaction& tx, Network network,
                                                        const std::string& phone,
                                                        Lock lock = Lock::kNo);
// Contacts with an id below `before` that match the request's filters, newest first.
absl::StatusOr<std::vector<v1::Contact>> SelectContacts(storage::Transaction& tx,
                                                        const v1::ListContactsRequest& request,
                                                        int64_t before, int32_t limit);
absl::StatusOr<v1::CountContactsResponse> SelectCounts(storage::Transaction& tx);
// Sorted by id; unknown ids are left out.
absl::StatusOr<v1::ResolveContactsResponse> SelectResolved(
    storage::Transaction& tx, const v1::ResolveContactsRequest& request);

// A contact of any account.
struct ContactKey {
  int64_t account_id = 0;
  int64_t id = 0;
};

// Contacts of all accounts whose suppression sims has not confirmed.
absl::StatusOr<std::vector<ContactKey>> SelectUnsynced(storage::Transaction& tx, int32_t limit);
// Marks it confirmed, unless the contact has changed since that version.
absl::Status MarkSynced(storage::Transaction& tx, int64_t id, int64_t version);

// Accounts that have or had contacts.
absl::StatusOr<std::vector<int64_t>> SelectAccounts(storage::Transaction& tx);
// Contacts created (pending) or stopped (stopped) before a time, locked.
absl::StatusOr<std::vector<ContactKey>> LockExpired(storage::Transaction& tx,
                                                    v1::ContactState state, absl::Time before,
                                                    int32_t limit);

}  // namespace mo::contacts
