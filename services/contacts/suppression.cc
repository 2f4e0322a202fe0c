#include "services/contacts/suppression.h"

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/contacts/contact_store.h"

namespace mo::contacts {
namespace {

namespace sims_v1 = messageorganizer::sims::v1;

constexpr int kBatch = 100;

}  // namespace

absl::Status Suppression::Settle(const Caller& caller, int64_t contact_id) {
  MO_ASSIGN_OR_RETURN(ContactRow row,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectContact(tx, contact_id);
                      }));
  if (row.suppress_synced) return absl::OkStatus();
  sims_v1::SetSuppressedRequest request;
  request.set_contact_id(row.contact.id());
  request.set_suppressed(row.contact.state() == v1::CONTACT_STATE_STOPPED);
  request.set_version(row.version);
  MO_RETURN_IF_ERROR(
      allocation_
          .Call(&sims_v1::AllocationService::Stub::SetSuppressed, caller.WithKey(""), request)
          .status());
  return database_.As(caller.account_id, [&](storage::Transaction& tx) {
    MarkSynced(tx, contact_id, row.version);
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Suppression::SettleAll() {
  MO_ASSIGN_OR_RETURN(
      const std::vector<ContactKey> keys,
      database_.ReadAsSystem([&](storage::Transaction& tx) { return SelectUnsynced(tx, kBatch); }));
  absl::Status first;
  for (const ContactKey& key : keys) {
    first.Update(Settle(ServiceCaller("contacts", key.account_id), key.id));
  }
  if (!first.ok()) return first;
  return keys.size() == kBatch;
}

}  // namespace mo::contacts
