#include "services/contacts/retention.h"

#include "libs/runtime/status.h"
#include "services/contacts/contact_store.h"
#include "services/contacts/place_store.h"
#include "services/contacts/registration_store.h"

namespace mo::contacts {
namespace {

namespace accounts_v1 = messageorganizer::accounts::v1;

constexpr int kBatch = 200;

}  // namespace

absl::StatusOr<bool> Retention::RunOnce() {
  MO_ASSIGN_OR_RETURN(const std::vector<int64_t> accounts, database_.ReadAsSystem(SelectAccounts));
  absl::Status first;
  bool more = false;
  for (const int64_t account_id : accounts) {
    absl::StatusOr<bool> cleaned = Clean(account_id);
    first.Update(cleaned.status());
    more = more || (cleaned.ok() && *cleaned);
  }
  if (!first.ok()) return first;
  return more;
}

absl::StatusOr<bool> Retention::Clean(int64_t account_id) {
  MO_ASSIGN_OR_RETURN(
      const accounts_v1::Settings settings,
      accounts_.Call(&accounts_v1::AccountService::Stub::GetSettings,
                     ServiceCaller("contacts", account_id), accounts_v1::GetSettingsRequest()));
  MO_ASSIGN_OR_RETURN(const bool pending, Delete(account_id, v1::CONTACT_STATE_PENDING,
                                                 settings.delete_pending_after_days()));
  MO_ASSIGN_OR_RETURN(const bool stopped, Delete(account_id, v1::CONTACT_STATE_STOPPED,
                                                 settings.delete_stopped_after_days()));
  return pending || stopped;
}

absl::StatusOr<bool> Retention::Delete(int64_t account_id, v1::ContactState state, int32_t days) {
  if (days == 0) return false;
  const absl::Time now = app_.clock().Now();
  return database_.As(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(const std::vector<ContactKey> due,
                        LockExpired(tx, state, now - days * absl::Hours(24), kBatch));
    std::vector<int64_t> ids;
    for (const ContactKey& key : due) ids.push_back(key.id);
    if (ids.empty()) return false;
    DeleteRegistrations(tx, ids);
    DeleteContacts(tx, ids);
    // The places are given up by the sweeper, after this has committed.
    CondemnPlaces(tx, ids, Network::NETWORK_UNSPECIFIED, now);
    return due.size() == kBatch;
  });
}

}  // namespace mo::contacts
