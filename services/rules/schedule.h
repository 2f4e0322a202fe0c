// Times by the clock on the wall: when a rule holds, and the periods in which it is counted.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "messageorganizer/rules/v1/rules.pb.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;

// A rule's time windows, checked. Immutable.
class Schedule {
 public:
  explicit Schedule(const google::protobuf::RepeatedPtrField<v1::TimeWindow>& windows);

  // Whether it holds at a time; always when it has no windows. An hour that comes twice when clocks
  // are put back counts both times; one that is left out is never there.
  bool Holds(absl::Time time, absl::TimeZone zone) const;

 private:
  struct Window {
    unsigned days = 0;  // bit 0: Monday
    int start = 0;      // minutes of the day
    int end = 0;
  };
  static bool Within(const Window& window, unsigned day, int minute);

  std::vector<Window> windows_;
};

// The calendar period that a time is in, [start, end). EVER: from the beginning of 1970, without
// end.
struct Period {
  absl::Time start;
  absl::Time end;
};
Period PeriodOf(v1::LimitPeriod period, absl::Time time, absl::TimeZone zone);

// A zone by its IANA name; UTC where this machine does not know it.
absl::TimeZone ZoneOf(const std::string& name);

}  // namespace mo::rules
