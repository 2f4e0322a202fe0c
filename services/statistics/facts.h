// Events become numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "libs/events/events.h"
#include "services/statistics/metric.h"

namespace mo::statistics {

// What a number is about; 0: no such thing.
struct Subject {
  int64_t sim_id = 0;
  int64_t channel_id = 0;
  int64_t broadcast_id = 0;
  int64_t link_id = 0;
  int32_t kind = 0;

  auto operator<=>(const Subject&) const = default;
};

// A metric has changed by a value. Facts add up in any order: no event needs to know another.
struct Fact {
  Metric metric;
  Subject subject;
  int64_t value = 1;
  // When, if not with the event.
  absl::Time time = absl::InfinitePast();
};

// Whether an event changes a number or tells of a SIM or a broadcast; most do not.
bool Counts(const events::Event& event);

// What an event says.
std::vector<Fact> FactsOf(const events::Event& event);

}  // namespace mo::statistics
