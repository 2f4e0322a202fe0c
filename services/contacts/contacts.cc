#include "services/contacts/contacts.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "services/contacts/consent_store.h"
#include "services/contacts/contact_store.h"
#include "services/contacts/errors.h"

namespace mo::contacts {
namespace {

// A service stops a contact only because the contact has said so.
v1::StopSource SourceOf(const Caller& caller) {
  return caller.internal() ? v1::STOP_SOURCE_CONTACT : v1::STOP_SOURCE_API;
}

}  // namespace

absl::StatusOr<v1::Contact> Contacts::Get(const Caller& caller,
                                          const v1::GetContactRequest& request) {
  MO_ASSIGN_OR_RETURN(ContactRow row,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectContact(tx, IdOf(request.id()));
                      }));
  return std::move(row.contact);
}

absl::StatusOr<v1::ListContactsResponse> Contacts::List(const Caller& caller,
                                                        const v1::ListContactsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Contact> contacts,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectContacts(tx, request, before, size + 1);
                      }));
  v1::ListContactsResponse response;
  if (contacts.size() > static_cast<size_t>(size)) {
    contacts.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(contacts.back().id())));
  }
  for (v1::Contact& contact : contacts) *response.add_contacts() = std::move(contact);
  return response;
}

absl::StatusOr<v1::Contact> Contacts::Update(const Caller& caller,
                                             const v1::UpdateContactRequest& request) {
  if (request.contact().id().empty()) {
    return InvalidField("contact.id", "REQUIRED", "must not be empty");
  }
  MO_ASSIGN_OR_RETURN(const auto fields,
                      FieldsToUpdate(request.contact(), request.update_mask(),
                                     {"display_name", "language", "time_zone", "attributes"}));
  return database_.Once<v1::Contact>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Contact> {
        MO_ASSIGN_OR_RETURN(ContactRow row,
                            SelectContact(tx, IdOf(request.contact().id()), Lock::kYes));
        MO_RETURN_IF_ERROR(CheckEtag(request.contact().etag(), row.contact.etag()));
        CopyFields(request.contact(), fields, row.contact);
        row.contact.set_etag(absl::StrCat(++row.version));
        SaveContact(tx, row);
        return row.contact;
      });
}

absl::StatusOr<v1::Contact> Contacts::Stop(const Caller& caller,
                                           const v1::StopContactRequest& request) {
  const int64_t id = IdOf(request.id());
  MO_ASSIGN_OR_RETURN(
      v1::Contact stopped,
      database_.Once<v1::Contact>(
          caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Contact> {
            MO_ASSIGN_OR_RETURN(ContactRow row, SelectContact(tx, id, Lock::kYes));
            v1::Contact& contact = row.contact;
            if (contact.state() == v1::CONTACT_STATE_STOPPED) return contact;
            const v1::ContactState before = contact.state();
            const absl::Time now = app_.clock().Now();
            contact.set_state(v1::CONTACT_STATE_STOPPED);
            *contact.mutable_stop_time() = ToProto(now);
            contact.set_etag(absl::StrCat(++row.version));
            row.suppress_synced = false;
            SaveContact(tx, row);
            AppendConsent(tx, id, Consent::kOptOut, now, 0, caller.actor);
            v1::ContactStopped event;
            *event.mutable_contact() = contact;
            event.set_source(SourceOf(caller));
            event.set_previous_state(before);
            MO_RETURN_IF_ERROR(
                outbox_.Append(tx, caller.account_id, contact.id(), event, caller.request_id));
            return contact;
          }));
  // Before the answer: who has been told "stopped" gets nothing that was not under way already. An
  // error makes the caller ask again, which settles again; and so does the worker.
  MO_RETURN_IF_ERROR(suppression_.Settle(caller, id));
  return stopped;
}

absl::StatusOr<v1::CountContactsResponse> Contacts::Count(const Caller& caller) {
  return database_.ReadAs(caller.account_id, SelectCounts);
}

absl::StatusOr<v1::ResolveContactsResponse> Contacts::Resolve(
    const Caller& caller, const v1::ResolveContactsRequest& request) {
  return database_.ReadAs(caller.account_id,
                          [&](storage::Transaction& tx) { return SelectResolved(tx, request); });
}

absl::StatusOr<v1::Contact> Contacts::Find(const Caller& caller,
                                           const v1::FindContactRequest& request) {
  const Identity identity{request.network(), request.address(),
                          AddressIsPhone(request.network()) ? request.address() : ""};
  MO_ASSIGN_OR_RETURN(std::optional<ContactRow> row,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return Found(AskByIdentity(tx, identity, Lock::kNo));
                      }));
  if (!row) return ContactNotFound();
  return std::move(row->contact);
}

}  // namespace mo::contacts
