// What sims tells: contacts that have another SIM, and what has become of the notices of that.
#pragma once

#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"

namespace mo::contacts {

// Consumes the events of sims.
class SimsEvents {
 public:
  explicit SimsEvents(App& app) : app_(app) {}

  // Whether there is something to do for an event.
  static bool Wants(const events::Event& event);
  // The consumer's handler.
  absl::Status Handle(storage::Transaction& tx, const std::vector<events::Event>& batch);

 private:
  App& app_;
};

}  // namespace mo::contacts
