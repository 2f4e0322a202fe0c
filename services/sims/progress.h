// How others hear what has become of a dispatch.
#pragma once

#include <string>

#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/ledger_store.h"

namespace mo::sims {

// The event that tells where a dispatch of a group stands. Partitioned by group.
v1::DispatchProgress MakeProgress(const DispatchStatus& dispatch, const std::string& group);

}  // namespace mo::sims
