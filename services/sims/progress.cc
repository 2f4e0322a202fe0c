#include "services/sims/progress.h"

#include "libs/runtime/ids.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {

v1::DispatchProgress MakeProgress(const DispatchStatus& dispatch, const std::string& group) {
  v1::DispatchProgress event;
  event.set_dispatch_id(dispatch.id);
  event.set_key(dispatch.key);
  event.set_group(group);
  event.set_lane(dispatch.lane);
  event.set_sim_id(FormatId("sim", dispatch.sim_id));
  AddCounts(dispatch.status, *event.mutable_counts());
  event.set_complete(IsComplete(dispatch.status));
  if (dispatch.status.size() == 1) {
    event.set_state(Unpack(dispatch.status[0]).state);
    event.set_reason(Unpack(dispatch.status[0]).reason);
  }
  return event;
}

}  // namespace mo::sims
