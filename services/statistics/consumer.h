// The events that are counted.
#pragma once

#include <string>

#include "libs/events/events.h"
#include "services/statistics/rollup.h"

namespace mo::statistics {

// The consumer whose numbers are shown.
inline constexpr char kConsumer[] = "statistics";

// How it, or another one of that name, reads. Nobody waits for numbers: under load many events
// share a transaction.
inline events::ConsumerOptions OptionsOf(std::string name) {
  events::ConsumerOptions options;
  options.name = std::move(name);
  options.sources = {"contacts", "channels", "inbox", "sims", "links"};
  options.wants = Counts;
  options.batch = 5000;
  options.linger = absl::Seconds(1);
  return options;
}

}  // namespace mo::statistics
