#include "services/inbox/broadcast_feed.h"

#include <algorithm>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

namespace mo::inbox {

namespace sims_v1 = messageorganizer::sims::v1;

namespace {

constexpr int32_t kLargestPage = 1000;
// More pages are not looked through for the place to go on: thousands of broadcasts to one contact
// between two calls.
constexpr int kMostPages = 10;

}  // namespace

absl::StatusOr<std::vector<PlacedDelivery>> ReadBroadcasts(
    Client<sims_v1::DispatchService>& dispatches, const Caller& caller, int64_t contact_id,
    const BroadcastCursor& after, int32_t limit) {
  std::vector<PlacedDelivery> deliveries;
  if (after.done) return deliveries;
  sims_v1::ListContactDeliveriesRequest request;
  request.set_contact_id(FormatId("con", contact_id));
  request.set_lane(sims_v1::LANE_BULK);
  request.set_page_size(std::min(limit, kLargestPage));
  request.set_page_token(after.page_token);
  // Broadcasts since the former call have moved the place within the first page, or past it.
  bool found = after.last_delivery.empty();
  for (int page = 0; page < kMostPages && deliveries.size() < static_cast<size_t>(limit); ++page) {
    MO_ASSIGN_OR_RETURN(
        const sims_v1::ListContactDeliveriesResponse response,
        dispatches.Call(&sims_v1::DispatchService::Stub::ListContactDeliveries, caller, request));
    for (const sims_v1::Delivery& delivery : response.deliveries()) {
      if (found) deliveries.push_back({delivery, {request.page_token(), delivery.id(), false}});
      found = found || delivery.id() == after.last_delivery;
    }
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  return deliveries;
}

}  // namespace mo::inbox
