// What can be switched while the simulator runs, and its seeded chance.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::simulator {

namespace common = messageorganizer::common::v1;
namespace sims = messageorganizer::sims::v1;

// Unix milliseconds, now.
inline int64_t NowMs() { return absl::ToUnixMillis(absl::Now()); }

// The receipts a phone's network gives by itself, in the order of ReceiptState SENT, DELIVERED,
// READ.
struct ReceiptPolicy {
  static constexpr int kStages = 3;
  std::array<double, kStages> probability{1, 1, 1};
  // Counted from the acceptance of the message.
  std::array<int32_t, kStages> delay_ms{0, 0, 0};
};

// What goes wrong on purpose.
struct Faults {
  double drop_result_rate = 0;  // results that are never sent (a repeated Send is answered)
  double duplicate_receipt_rate = 0;
  bool reorder_receipts = false;  // READ before DELIVERED before SENT
  int64_t late_receipts_ms = 0;   // each receipt up to this much later, evenly spread
  double throttle_rate = 0;       // messages answered THROTTLED
  int64_t throttle_retry_ms = 1000;
};

// One consistent set of switches.
struct Settings {
  ReceiptPolicy receipts;
  size_t keep_messages = 20;  // texts kept per phone; 0: only counters
  Faults faults;
};

// The settings in force; a change replaces the whole set.
class SettingsBox {
 public:
  std::shared_ptr<const Settings> Get() const {
    std::lock_guard lock(mutex_);
    return settings_;
  }
  void Set(Settings settings) {
    auto next = std::make_shared<const Settings>(settings);
    std::lock_guard lock(mutex_);
    settings_ = std::move(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const Settings>();
};

// SplitMix64's step: spreads the bits of a counter or key.
inline uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A number in [0, 1) that depends on nothing but its arguments, so that a seed repeats a run.
inline double Chance(uint64_t seed, int64_t key, uint64_t salt) {
  const uint64_t bits = Mix(seed ^ Mix(static_cast<uint64_t>(key) ^ Mix(salt)));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

// True with the probability `rate`.
inline bool Draw(double rate, uint64_t seed, int64_t key, uint64_t salt) {
  if (rate <= 0) return false;
  return rate >= 1 || Chance(seed, key, salt) < rate;
}

// What happened so far, over all agents; GET /stats.
struct Counters {
  std::atomic<int64_t> messages{0};           // Sends read
  std::atomic<int64_t> accepted{0};           // of them accepted, repeated ones not counted
  std::atomic<int64_t> refused{0};            // of them answered otherwise
  std::atomic<int64_t> repeated{0};           // of them known already and only answered again
  std::atomic<int64_t> results_dropped{0};    // by fault
  std::atomic<int64_t> receipts_sent{0};      // made; replays not counted
  std::atomic<int64_t> inbound{0};            // messages that phones wrote
  std::atomic<int64_t> replayed{0};           // items sent again after a reconnect
  std::atomic<int64_t> attaches{0};           // streams that were welcomed
  std::atomic<int64_t> protocol_errors{0};    // frames that broke the contract
  std::atomic<int64_t> credit_violations{0};  // batches that exceeded the credit

  void Reset();
};

}  // namespace mo::simulator
