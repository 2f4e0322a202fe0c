// What is counted.
#pragma once

#include <cstdint>

namespace mo::statistics {

// The numbers are kept in tables: a new metric gets a new one. In brackets: what it is kept apart
// by; `kind` is a Source, unless it says otherwise.
enum class Metric : int16_t {
  kRegistered = 1,    // [SIM, kind]
  kActivated = 2,     // [SIM, kind]
  kStopped = 3,       // [SIM, kind]
  kSubscribed = 4,    // [channel]
  kUnsubscribed = 5,  // [channel]
  kReceived = 6,      // [SIM, kind]
  kCreated = 7,       // [SIM, kind]
  kActive = 8,        // [SIM] contacts that may be written to; goes up and down
  kNewInMonth = 9,    // [SIM] became active for the first time in the month of UTC
  // Recipients [SIM, broadcast]; those in a state and in all that lie behind it.
  kSubmitted = 11,
  kSent = 12,       // kind: MessageClass
  kDelivered = 13,  //
  kRead = 14,       //
  kFailed = 15,     // kind: DeliveryReason
  kSkipped = 16,    // kind: DeliveryReason
  kUncertain = 17,
  // Durations [SIM, broadcast]: their sums in seconds, and numbers by bucket (ages.h) as kind.
  kDeliveredSeconds = 18,
  kDeliveredAges = 19,
  kReadSeconds = 20,
  kReadAges = 21,
  kAnswered = 22,         // [SIM] by agents
  kAnsweredSeconds = 23,  // [SIM]
  kAnsweredAges = 24,     // [SIM] kind: bucket
  kOccupancy = 25,        // [SIM] goes up and down
  kCapacity = 26,         // [SIM] goes up and down
  kClicks = 27,           // [link, broadcast, channel]
  kBotClicks = 28,
  kUniqueClicks = 29,
};

// Its name, e.g. "delivered".
const char* NameOf(Metric metric);

// Where something comes from.
enum Source : int32_t {
  kNoSource = 0,
  // Sign-ups.
  kRegistration = 1,
  kMessage = 2,
  kReturn = 3,
  // Losses.
  kStopWord = 11,
  kStoppedByApi = 12,
  kStoppedByNetwork = 13,
  // Who has written.
  kContact = 21,
  kGroup = 22,
  kApi = 23,
  kRule = 24,
  kAgent = 25,
};

}  // namespace mo::statistics
