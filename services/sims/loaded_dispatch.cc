#include "services/sims/loaded_dispatch.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"
#include "services/sims/render.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {
namespace {

// The index of open dispatches first, then the primary key: a join could read every dispatch of the
// account with a plan that was made while there were few. The lengths of arrays are hidden from
// the planner, as in the ledger's statements.
constexpr char kLoad[] =
    "SELECT s.id, d.lane, d.content, d.parameter_names, d.contact_ids, d.addresses, d.parameters, "
    "d.ignore_suppression, d.expire_time, s.status, d.quiet_hours, w.sim_id, s.control, "
    "d.by_person "
    "FROM unnest((SELECT $2::bigint[])) AS w (sim_id) "
    "CROSS JOIN LATERAL (SELECT id, status, control FROM sims.dispatch_states "
    "WHERE account_id = $1 AND sim_id = w.sim_id AND lane = $3 AND open AND "
    "(control = $4 AND (hold_until IS NULL OR hold_until <= $7) OR control = $8) AND "
    "id <> ALL ((SELECT $5::bigint[])::bigint[]) ORDER BY id LIMIT $6) AS s "
    "CROSS JOIN LATERAL (SELECT * FROM sims.dispatches WHERE account_id = $1 AND id = s.id LIMIT "
    "1) AS d ORDER BY s.id";

std::shared_ptr<LoadedDispatch> FromRow(const storage::Row& row, absl::Time now) {
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
  dispatch->by_person = row.Bool(13);
  const auto control = static_cast<v1::GroupControl>(row.Int(12));
  if (!row.IsNull(10) && control == v1::GROUP_CONTROL_RUN) {
    common::ZonedQuietHours hours;
    hours.ParseFromString(row.String(10));
    dispatch->quiet_start = dispatch->quiet.emplace(hours).NextStart(now);
  }
  const std::string status = row.String(9);
  for (size_t i = 0; i < status.size(); ++i) {
    const common::DeliveryState state = Unpack(status[i]).state;
    if (state == common::DELIVERY_STATE_QUEUED) dispatch->queued.push_back(static_cast<int>(i));
    if (state == common::DELIVERY_STATE_ATTEMPTING) dispatch->resend.push_back(static_cast<int>(i));
  }
  return dispatch;
}

}  // namespace

absl::StatusOr<LoadedDispatches> LoadDispatches(storage::Database& database, int64_t account_id,
                                                const std::vector<int64_t>& sims, v1::Lane lane,
                                                int32_t limit, const std::vector<int64_t>& known,
                                                absl::Time now) {
  LoadedDispatches dispatches;
  MO_RETURN_IF_ERROR(database.ReadAs(account_id, [&](storage::Transaction& tx) -> absl::Status {
    dispatches.clear();
    MO_ASSIGN_OR_RETURN(storage::Result rows,
                        tx.Query(kLoad, account_id, sims, static_cast<int32_t>(lane),
                                 static_cast<int32_t>(v1::GROUP_CONTROL_RUN), known, limit, now,
                                 static_cast<int32_t>(v1::GROUP_CONTROL_CANCEL)));
    for (const storage::Row row : rows) dispatches[row.Int(11)].push_back(FromRow(row, now));
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
