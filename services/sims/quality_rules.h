// What follows from how a SIM's messages are taken. No I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {

// What has become of a SIM's messages.
struct QualityCounts {
  int64_t accepted = 0;  // taken by the network, and not refused since
  int64_t failed = 0;    // refused for good; without those below
  int64_t blocked = 0;   // refused because the recipient has blocked the SIM or opted out
  int64_t refused = 0;   // refused for what the message is: says nothing about the SIM

  QualityCounts& operator+=(const QualityCounts& other) {
    accepted += other.accepted;
    failed += other.failed;
    blocked += other.blocked;
    refused += other.refused;
    return *this;
  }
  bool empty() const { return accepted == 0 && failed == 0 && blocked == 0 && refused == 0; }
  // Those that a SIM is judged by.
  int64_t judged() const { return std::max<int64_t>(0, accepted) + failed + blocked; }
};

// By account and SIM.
using QualityBySim = absl::flat_hash_map<std::pair<int64_t, int64_t>, QualityCounts>;

// Counts a message that goes from one standing to another.
void CountTransition(const Standing& before, const Standing& next, QualityCounts& counts);

// Speeds are halved and doubled between 1 and this: slower, a SIM would hardly be measured any
// more.
inline constexpr double kSlowest = 1.0 / 8;
// How fast a SIM may be that the network itself calls bad.
inline constexpr double kFastestWhenRed = 0.5;

inline double Slower(double speed) { return std::max(kSlowest, speed / 2); }
inline double Faster(double speed, bool red) {
  return std::min(red ? kFastestWhenRed : 1.0, speed * 2);
}

// 0 (bad) to 1 (good); 1 while there is too little to judge.
double ScoreOf(const QualityCounts& counts);

// A decision about a SIM.
struct Verdict {
  enum class Kind { kNothing, kSlowDown, kSpeedUp, kPause };
  Kind kind = Kind::kNothing;
  double speed = 1;     // from now on
  std::string detail;   // what was measured, for people
  bool forget = false;  // what was measured counts no more
};
// What is to be done after these counts of the time `age`, at this speed. `red`: the network's own
// rating is bad.
Verdict Judge(const QualityCounts& since, absl::Duration age, double speed, bool red);

}  // namespace mo::sims
