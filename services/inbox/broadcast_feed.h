// A contact's broadcasts, read from sims' ledger page by page.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/client.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"

namespace mo::inbox {

// A place in the ledger's list of a contact's deliveries, newest first.
struct BroadcastCursor {
  std::string page_token;     // the ledger's page in which to go on
  std::string last_delivery;  // the last one taken from it, empty for none
  bool done = false;          // nothing comes after
};

// A delivery and the place after it.
struct PlacedDelivery {
  messageorganizer::sims::v1::Delivery delivery;
  BroadcastCursor after;
};

// At least `limit` deliveries of broadcasts after the cursor where there are as many.
absl::StatusOr<std::vector<PlacedDelivery>> ReadBroadcasts(
    Client<messageorganizer::sims::v1::DispatchService>& dispatches, const Caller& caller,
    int64_t contact_id, const BroadcastCursor& after, int32_t limit);

}  // namespace mo::inbox
