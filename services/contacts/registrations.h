// Registering contacts, and what is shown to them.
#pragma once

#include <google/api/httpbody.pb.h>
#include <google/protobuf/empty.pb.h>

#include <optional>
#include <string>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "services/contacts/places.h"
#include "services/contacts/registration_store.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;

// What the service does with registrations. Each is a row of its own; several may be of one
// contact.
class Registrations {
 public:
  Registrations(App& app, storage::Database& database, events::Outbox& outbox, Places& places)
      : app_(app), database_(database), outbox_(outbox), places_(places) {}

  absl::StatusOr<v1::Registration> Register(const Caller& caller,
                                            const v1::RegisterRequest& request);
  absl::StatusOr<v1::Registration> Get(const Caller& caller,
                                       const v1::GetRegistrationRequest& request);
  absl::StatusOr<google::api::HttpBody> Vcard(const Caller& caller,
                                              const v1::GetRegistrationVcardRequest& request);
  absl::StatusOr<google::api::HttpBody> Qr(const Caller& caller,
                                           const v1::GetRegistrationQrRequest& request);
  // Says whether registrations may name a channel.
  absl::StatusOr<google::protobuf::Empty> SetChannel(const Caller& caller,
                                                     const v1::SetChannelRequest& request);

 private:
  absl::Status CheckChannels(const Caller& caller, const v1::RegisterRequest& request);
  absl::StatusOr<v1::Registration> TryRegister(const Caller& caller,
                                               const v1::RegisterRequest& request);
  absl::StatusOr<Place> FindPlace(const Caller& caller, const v1::RegisterRequest& request);
  absl::StatusOr<ContactRow> EnterContact(storage::Transaction& tx, const Caller& caller,
                                          const v1::RegisterRequest& request, const Place& place);
  absl::StatusOr<v1::Registration> EnterRegistration(storage::Transaction& tx,
                                                     const v1::RegisterRequest& request,
                                                     const Place& place, const ContactRow& contact);
  absl::StatusOr<RegistrationRow> Select(const Caller& caller, const std::string& id);
  v1::Registration Shown(const RegistrationRow& row) const;

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Places& places_;
};

}  // namespace mo::contacts
