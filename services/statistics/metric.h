// What is counted.
#pragma once

#include <cstdint>

namespace mo::statistics {

// The numbers are kept in tables: a new metric gets a new one.
enum class Metric : int16_t {
  kRegistered = 1,
  kActivated = 2,
  kStopped = 3,
  kSubscribed = 4,
  kUnsubscribed = 5,
  kReceived = 6,
  kCreated = 7,
};

}  // namespace mo::statistics
