// Leaves destinations alone that keep failing.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mo::rules {

// How many attempts are under way to each destination, and how many may be. Not thread-safe.
class Breakers {
 public:
  // At most so many at a time to one destination.
  explicit Breakers(int32_t most) : most_(most) {}

  void Begin(const std::string& destination);
  // An attempt has ended; `answers`: the destination works, whatever it has said.
  void End(const std::string& destination, bool answers, absl::Time now);
  // An attempt was not made.
  void Cancel(const std::string& destination);

  // By how many less than the most new attempts must be, where it is more than none: those under
  // way; all after five failures in a row, for 5 s that double up to 5 minutes; all but one then,
  // until one succeeds.
  absl::flat_hash_map<std::string, int32_t> Less(absl::Time now) const;
  // Attempts under way.
  int32_t in_flight() const { return in_flight_; }
  // Destinations that are left alone now.
  int32_t open(absl::Time now) const;

 private:
  struct State {
    int32_t in_flight = 0;
    int failures = 0;  // in a row
    absl::Time open_until = absl::InfinitePast();
  };
  State* Leave(const std::string& destination);

  const int32_t most_;
  int32_t in_flight_ = 0;
  absl::flat_hash_map<std::string, State> states_;
};

}  // namespace mo::rules
