// The lattice of delivery states: a message's state only rises.
#pragma once

#include "messageorganizer/common/v1/content.pb.h"

namespace mo::inbox {

using messageorganizer::common::v1::DeliveryReason;
using messageorganizer::common::v1::DeliveryState;

// Whether news of `to` changes a message in state `from`. Late, doubled and reordered news change
// nothing; a receipt settles an uncertain message, and corrects a failed one that arrived after
// all.
bool Rises(DeliveryState from, DeliveryState to);

}  // namespace mo::inbox
