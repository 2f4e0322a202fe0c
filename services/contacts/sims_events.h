// What sims tells: contacts that have another SIM, and what has become of the notices of that.
#pragma once

#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "services/contacts/notice_store.h"

namespace mo::contacts {

// Consumes the events of sims.
class SimsEvents {
 public:
  SimsEvents(App& app, events::Outbox& outbox) : app_(app), outbox_(outbox) {}

  // Whether there is something to do for an event.
  static bool Wants(const events::Event& event);
  // The consumer's handler.
  absl::Status Handle(storage::Transaction& tx, const std::vector<events::Event>& batch);

 private:
  absl::Status Tell(storage::Transaction& tx, const MovedContact& contact);

  App& app_;
  events::Outbox& outbox_;
};

}  // namespace mo::contacts
