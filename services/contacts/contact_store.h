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
  // It is told of its SIM when it writes to it (notice_store.h).
  bool notice_waits = false;
  // The SIM that it had before this one; 0: none.
  int64_t former_sim_id = 0;

  bool has_sim() const { return !contact.sim_id().empty(); }
};

// Whether the address on this network is a phone number.
inline bool AddressIsPhone(Network network) {
  return network == Network::NETWORK_WHATSAPP || network == Network::NETWORK_SMS;
}

// Whether a row is locked until the transaction ends.
enum class Lock { kNo, kYes };

// What a contact is known by; either text may be empty.
struct Identity {
  Network network = Network::NETWORK_UNSPECIFIED;
  std::string address;
  // Where the network vouches for it, or the account says so.
  std::string phone;
};

// The transaction fails with ALREADY_EXISTS "contacts_address" or "contacts_pkey" when it is there
// already.
void InsertContact(storage::Transaction& tx, const ContactRow& row);
// Writes everything that can change; the row must be locked.
void SaveContact(storage::Transaction& tx, const ContactRow& row);
// Writes the time of the last message only; the row must be locked.
void SaveLastInbound(storage::Transaction& tx, const ContactRow& row);
void DeleteContacts(storage::Transaction& tx, const std::vector<int64_t>& ids);

// These ask for a contact; Found() has the answer.
storage::Pending AskContact(storage::Transaction& tx, int64_t id, Lock lock);
// The one with the address, else the one whose address is the phone, else the oldest that has the
// phone.
extern const char kLockByIdentity[];  // its statement with a lock, to look at its plan
storage::Pending AskByIdentity(storage::Transaction& tx, const Identity& identity, Lock lock);
// The one that a registration is for; locked.
storage::Pending AskByRegistration(storage::Transaction& tx, int64_t registration_id);
absl::StatusOr<std::optional<ContactRow>> Found(storage::Pending asked);

// CONTACT_NOT_FOUND when it is not there.
absl::StatusOr<ContactRow> SelectContact(storage::Transaction& tx, int64_t id,
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
void MarkSynced(storage::Transaction& tx, int64_t id, int64_t version);

// Accounts that have or had contacts.
absl::StatusOr<std::vector<int64_t>> SelectAccounts(storage::Transaction& tx);
// Contacts created (pending) or stopped (stopped) before a time, locked.
absl::StatusOr<std::vector<ContactKey>> LockExpired(storage::Transaction& tx,
                                                    v1::ContactState state, absl::Time before,
                                                    int32_t limit);

}  // namespace mo::contacts
