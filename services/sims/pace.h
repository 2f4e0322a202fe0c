// How fast a SIM sends, between what its owner allows and what its provider takes.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/sims/drivers/consequences.h"

namespace mo::sims {

// Cuts the rate when the provider refuses, remembers at which rate that was, comes back to just
// below it fast and beyond it slowly: so that few calls are refused. No lock of its own.
class Pace {
 public:
  // The owner's limit, messages per second; 0: none.
  void SetLimit(double limit);
  // A message was taken.
  void Accepted(absl::Time now);
  // A message was refused for now: whoever has to wait does. The SIM, only when hardly anything is
  // taken: a refusal now and then is for the message that it was said of.
  void Refused(const Consequence& consequence, absl::string_view address, absl::Duration pause,
               absl::Time now);
  // Nobody waits any more.
  void Forgive() { sim_until_ = bulk_until_ = absl::InfinitePast(); }
  // Lets the rate grow. Whether it has changed.
  bool Tick(absl::Time now);

  // Messages per second, 0: no limit.
  double rate() const { return rate_; }
  bool SimWaits(absl::Time now) const { return now < sim_until_; }
  bool BulkWaits(absl::Time now) const { return now < bulk_until_; }
  // Until when a recipient must be left alone; InfinitePast when it need not.
  absl::Time AddressUntil(absl::string_view address, absl::Time now) const;

 private:
  void Cut(double rate, absl::Time now);
  // Notes an answer; whether most of the last ones were refusals.
  bool MostRefused(bool refused);

  double limit_ = 0;
  double rate_ = 0;
  double ceiling_ = 0;  // where the provider refused last; 0: it never has
  absl::Time cut_time_ = absl::InfinitePast();
  absl::Time grow_time_ = absl::InfinitePast();
  absl::Time sim_until_ = absl::InfinitePast();
  absl::Time bulk_until_ = absl::InfinitePast();
  absl::flat_hash_map<std::string, absl::Time> addresses_;
  // What was taken in the second that runs, and in the best of those before, slowly forgotten.
  absl::Time second_ = absl::InfinitePast();
  int taken_ = 0;
  double best_ = 0;
  double refused_share_ = 0;  // of the last answers
  // Since the rate was changed last.
  int taken_since_ = 0;
  int refused_since_ = 0;
};

}  // namespace mo::sims
