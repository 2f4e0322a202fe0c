// Where the recipients of a dispatch stand: one byte each.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::sims {

namespace common = messageorganizer::common::v1;

// Most recipients of a dispatch; the index takes the low bits of a delivery key.
inline constexpr int kMaxRecipients = 1000;
inline constexpr int kIndexBits = 10;

// A recipient's number over all dispatches: what providers echo to us.
inline int64_t DeliveryKey(int64_t dispatch_id, int index) {
  return dispatch_id << kIndexBits | index;
}
inline int64_t DispatchOf(int64_t key) { return key >> kIndexBits; }
inline int IndexOf(int64_t key) { return static_cast<int>(key & ((1 << kIndexBits) - 1)); }

// A state and, for FAILED and SKIPPED, its reason.
struct Standing {
  common::DeliveryState state = common::DELIVERY_STATE_QUEUED;
  common::DeliveryReason reason = common::DELIVERY_REASON_UNSPECIFIED;
};

inline char Pack(Standing standing) {
  return static_cast<char>(static_cast<unsigned>(standing.state) << 4 |
                           static_cast<unsigned>(standing.reason));
}

inline Standing Unpack(char byte) {
  const auto bits = static_cast<unsigned char>(byte);
  return {static_cast<common::DeliveryState>(bits >> 4),
          static_cast<common::DeliveryReason>(bits & 15)};
}

// Whether `next` may follow `now`: states only rise; a failure stands unless the network says later
// that it was delivered after all; uncertain is settled by any receipt. QUEUED follows ATTEMPTING
// only when the device refused for now.
bool Rises(common::DeliveryState now, common::DeliveryState next);

// Whether nobody is queued or attempting any more.
bool IsComplete(absl::string_view status);

// Adds so many recipients to those who stand so; `audience` stays.
void AddCount(Standing standing, int64_t count, common::DeliveryCounts& counts);

// Adds the recipients of a status to counts.
void AddCounts(absl::string_view status, common::DeliveryCounts& counts);

}  // namespace mo::sims
