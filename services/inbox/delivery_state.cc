#include "services/inbox/delivery_state.h"

namespace mo::inbox {

namespace v1 = messageorganizer::common::v1;

bool Rises(DeliveryState from, DeliveryState to) {
  // The values QUEUED to READ are in the lattice's order.
  const bool arrived = to == v1::DELIVERY_STATE_DELIVERED || to == v1::DELIVERY_STATE_READ;
  const bool taken = to >= v1::DELIVERY_STATE_ACCEPTED && to <= v1::DELIVERY_STATE_READ;
  switch (from) {
    case v1::DELIVERY_STATE_FAILED:
      return arrived;
    case v1::DELIVERY_STATE_SKIPPED:
      return taken;
    case v1::DELIVERY_STATE_UNCERTAIN:
      return taken || to == v1::DELIVERY_STATE_FAILED;
    case v1::DELIVERY_STATE_DELIVERED:
    case v1::DELIVERY_STATE_READ:
      return arrived && to > from;
    case v1::DELIVERY_STATE_ACCEPTED:
    case v1::DELIVERY_STATE_SENT:
      return (taken && to > from) || to == v1::DELIVERY_STATE_FAILED;
    default:  // QUEUED, ATTEMPTING
      return to > from;
  }
}

}  // namespace mo::inbox
