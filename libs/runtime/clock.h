// Time as a dependency, so that tests can set it.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mo {

// Tells the time of day.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // The machine's clock.
  static const Clock& System();
};

// Times in protos. An absent or out-of-range timestamp is absl::InfinitePast().
google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time FromProto(const google::protobuf::Timestamp& time);

}  // namespace mo
