// What an inbound message makes of its sender.
#pragma once

#include <optional>
#include <string>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "services/contacts/consent_store.h"
#include "services/contacts/places.h"
#include "services/contacts/suppression.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;

// Registers, activates and reactivates contacts by their messages.
//
// The outcome is decided and committed in one transaction with the message's number, so a repeated
// call finds it and answers the same. A sender without a SIM takes two: the first commits the
// intention, then sims is asked, then the second decides everything anew with the place in hand
// (places.h says why no crash loses one). What sims must be told after a reactivation is told
// before the answer, by a repeated call too.
class Inbound {
 public:
  Inbound(App& app, storage::Database& database, events::Outbox& outbox, Places& places,
          Suppression& suppression)
      : app_(app),
        database_(database),
        outbox_(outbox),
        places_(places),
        suppression_(suppression) {}

  absl::StatusOr<v1::RecordInboundResponse> Record(const Caller& caller,
                                                   const v1::RecordInboundRequest& request);

 private:
  // A decision, or the contact for which a place must be asked first.
  struct Step {
    std::optional<v1::RecordInboundResponse> response;
    std::optional<storage::Pending> channels;  // of the response; known after the commit
    std::optional<Intention> intention;
    bool settled = true;  // sims knows whether the contact may be written to
  };
  // A sender that was found, and the registration that its message confirms (0: none).
  struct Sender {
    std::optional<ContactRow> row;
    int64_t registration_id = 0;
  };
  // What is asked in one round trip before a decision.
  struct Questions {
    std::optional<storage::Pending> seen, sender, linked, claim;
  };

  absl::StatusOr<Step> TryRecord(const Caller& caller, const v1::RecordInboundRequest& request);
  absl::StatusOr<Step> Decide(storage::Transaction& tx, const Caller& caller,
                              const v1::RecordInboundRequest& request, const Place* place);
  absl::StatusOr<Step> Repeat(storage::Transaction& tx, const InboundSeen& seen);
  absl::StatusOr<Sender> FindSender(storage::Transaction& tx,
                                    const v1::RecordInboundRequest& request, Questions& asked);
  void FollowLink(storage::Transaction& tx, const v1::RecordInboundRequest& request,
                  ContactRow linked, Sender& sender);
  absl::StatusOr<Step> Accept(storage::Transaction& tx, const Caller& caller,
                              const v1::RecordInboundRequest& request, Sender sender, bool is_new);
  Step KeepWithoutSim(storage::Transaction& tx, const v1::RecordInboundRequest& request,
                      Sender sender, int64_t place_id);
  Step Answer(storage::Transaction& tx, const v1::RecordInboundRequest& request,
              const ContactRow& row, v1::InboundOutcome outcome,
              std::optional<int64_t> take_channels);
  ContactRow NewContact(const v1::RecordInboundRequest& request, int64_t id) const;
  absl::Time TimeOf(const v1::RecordInboundRequest& request) const;

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Places& places_;
  Suppression& suppression_;
};

}  // namespace mo::contacts
