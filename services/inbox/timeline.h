// Two lists, newest first each, made one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"
#include "services/inbox/broadcast_feed.h"
#include "services/inbox/message_store.h"

namespace mo::inbox {

// A place in a timeline: one in each of its lists.
struct TimelinePosition {
  TimelineCursor own;
  BroadcastCursor broadcasts;
};

// The place that a page token names; INVALID_ARGUMENT about page_token when it is none of ours.
absl::StatusOr<TimelinePosition> TimelinePositionOf(const std::string& token);

// The first `size` of both lists, and the token of what follows. Each list holds one more than
// `size` where there are as many.
v1::ListTimelineResponse MergeTimeline(const std::vector<v1::Message>& own,
                                       const std::vector<PlacedDelivery>& broadcasts,
                                       TimelinePosition position, int32_t size);

}  // namespace mo::inbox
