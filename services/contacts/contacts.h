// Contacts of an account: what is read, changed and stopped.
#pragma once

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "services/contacts/suppression.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;

// What the service does with contacts; registering and activating are elsewhere (registrations.h,
// inbound.h).
class Contacts {
 public:
  Contacts(App& app, storage::Database& database, events::Outbox& outbox, Suppression& suppression)
      : app_(app), database_(database), outbox_(outbox), suppression_(suppression) {}

  absl::StatusOr<v1::Contact> Get(const Caller& caller, const v1::GetContactRequest& request);
  absl::StatusOr<v1::ListContactsResponse> List(const Caller& caller,
                                                const v1::ListContactsRequest& request);
  absl::StatusOr<v1::Contact> Update(const Caller& caller, const v1::UpdateContactRequest& request);
  absl::StatusOr<v1::Contact> Stop(const Caller& caller, const v1::StopContactRequest& request);
  absl::StatusOr<v1::CountContactsResponse> Count(const Caller& caller);
  absl::StatusOr<v1::ResolveContactsResponse> Resolve(const Caller& caller,
                                                      const v1::ResolveContactsRequest& request);
  absl::StatusOr<v1::Contact> Find(const Caller& caller, const v1::FindContactRequest& request);

 private:
  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Suppression& suppression_;
};

}  // namespace mo::contacts
