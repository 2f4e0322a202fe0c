// What networks tell of contacts: that somebody wants no messages, or goes by another address.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/contacts/contact_store.h"
#include "services/contacts/suppression.h"

namespace mo::contacts {

// A stop that a network reports is one: whatever the contact pressed there, it wants less, and so a
// stop of marketing alone stops it too (broadcasts are marketing). Having blocked a SIM means that
// SIM: it stops no contact that another SIM writes to.
//
// A contact that the network lets be written to again comes back only if it was the network that
// had reported its stop, and nothing else was declared since; who has told us "stop" has to tell us
// otherwise (S8). A wish that is told twice counts once: the ledger of consent has its time.
//
// An address that another contact has already is left to it: both stay as they are, and are
// counted.
class Wishes {
 public:
  Wishes(App& app, storage::Database& database, events::Outbox& outbox, Suppression& suppression);

  // Whether an event is for Handle.
  static bool Wants(const events::Event& event);
  // Each wish in a transaction of its own, so that it may be asked for again after an error.
  absl::Status Handle(const std::vector<events::Event>& batch);

 private:
  using Wish = messageorganizer::sims::v1::ConsentReported;
  using Move = messageorganizer::sims::v1::AddressMoved;

  absl::Status Heed(const events::Event& event, const Wish& wish);
  // The contact that has changed; 0: none has.
  absl::StatusOr<int64_t> Apply(storage::Transaction& tx, const events::Event& event,
                                const Wish& wish);
  absl::Status Stop(storage::Transaction& tx, const events::Event& event, const Wish& wish,
                    ContactRow row);
  absl::Status Resume(storage::Transaction& tx, const events::Event& event, const Wish& wish,
                      ContactRow row);
  absl::Status Follow(const events::Event& event, const Move& move);
  absl::Status MoveContact(storage::Transaction& tx, const Move& move);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Suppression& suppression_;
  prometheus::Counter& stopped_;
  prometheus::Counter& resumed_;
  prometheus::Counter& moved_;
  prometheus::Counter& taken_;
};

}  // namespace mo::contacts
