#include "services/sims/loaded_dispatch.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"
#include "services/sims/render.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {
namespace {

constexpr char kLoad[] =
    "SELECT d.id, d.lane, d.content, d.parameter_names, d.contact_ids, d.addresses, d.parameters, "
    "d.ignore_suppression, d.expire_time, s.status FROM sims.dispatch_states s "
    "JOIN sims.dispatches d ON d.account_id = s.account_id AND d.id = s.id "
    "WHERE s.account_id = $1 AND s.sim_id = $2 AND s.lane = $3 AND s.open AND s.control = $4 AND "
    "s.id <> ALL($5) "
    "ORDER BY s.id LIMIT $6";

std::shared_ptr<LoadedDispatch> FromRow(const storage::Row& row) {
  auto dispatch = std::make_shared<LoadedDispatch>();
  dispatch->id = row.Int(0);
  dispatch->lane = static_cast<v1::Lane>(row.Int(1));
  dispatch->content.ParseFromString(row.String(2));
  const auto names = row.Get<std::vector<std::string>>(3);
  NumberPlaceholders(names, dispatch->content);
  dispatch->parameter_count = names.size();
  dispatch->contact_ids = row.Get<std::vector<int64_t>>(4);
  dispatch->addresses = row.Get<std::vector<std::string>>(5);
  dispatch->parameters = row.Get<std::vector<std::string>>(6);
  dispatch->ignore_suppression = row.Bool(7);
  dispatch->expire_time = row.Time(8);
  const std::string status = row.String(9);
  for (size_t i = 0; i < status.size(); ++i) {
    const common::DeliveryState state = Unpack(status[i]).state;
    if (state == common::DELIVERY_STATE_QUEUED) dispatch->queued.push_back(static_cast<int>(i));
    if (state == common::DELIVERY_STATE_ATTEMPTING) dispatch->resend.push_back(static_cast<int>(i));
  }
  return dispatch;
}

}  // namespace

absl::StatusOr<std::vector<std::shared_ptr<LoadedDispatch>>> LoadDispatches(
    storage::Database& database, int64_t account_id, int64_t sim_id,
    const std::map<v1::Lane, int32_t>& limits, const std::vector<int64_t>& known) {
  std::vector<std::shared_ptr<LoadedDispatch>> dispatches;
  MO_RETURN_IF_ERROR(database.ReadAs(account_id, [&](storage::Transaction& tx) -> absl::Status {
    dispatches.clear();
    std::vector<storage::Pending> lanes;
    for (const auto& [lane, limit] : limits) {
      lanes.push_back(tx.Ask(kLoad, account_id, sim_id, static_cast<int32_t>(lane),
                             static_cast<int32_t>(v1::GROUP_CONTROL_RUN), known, limit));
    }
    for (storage::Pending& lane : lanes) {
      MO_ASSIGN_OR_RETURN(storage::Result rows, lane.Get());
      for (const storage::Row row : rows) dispatches.push_back(FromRow(row));
    }
    return absl::OkStatus();
  }));
  return dispatches;
}

v1::SendBatch MakeBatch(const LoadedDispatch& dispatch, const std::vector<int>& indices) {
  v1::SendBatch batch;
  *batch.mutable_content() = dispatch.content;
  if (dispatch.expire_time != absl::InfinitePast())
    *batch.mutable_expire_time() = ToProto(dispatch.expire_time);
  for (int index : indices) {
    auto* message = batch.add_messages();
    const auto at = static_cast<size_t>(index);
    message->set_client_message_id(DeliveryKey(dispatch.id, index));
    message->set_address(dispatch.addresses[at]);
    for (size_t p = 0; p < dispatch.parameter_count; ++p) {
      message->add_parameters(dispatch.parameters[at * dispatch.parameter_count + p]);
    }
  }
  return batch;
}

}  // namespace mo::sims
