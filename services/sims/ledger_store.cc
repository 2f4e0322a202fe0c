#include "services/sims/ledger_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {

constexpr char kSelectKnownKeys[] =
    "SELECT key FROM sims.dispatches WHERE account_id = $1 AND key = ANY($2)";
absl::StatusOr<std::set<std::string>> SelectKnownKeys(storage::Transaction& tx,
                                                      const std::vector<std::string>& keys) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectKnownKeys, tx.account_id(), keys));
  std::set<std::string> known;
  for (const storage::Row row : rows) known.insert(row.String(0));
  return known;
}

constexpr char kCountSims[] =
    "SELECT count(*) FROM sims.sims WHERE account_id = $1 AND id = ANY($2)";
absl::Status CheckSims(storage::Transaction& tx, const std::set<int64_t>& sims) {
  MO_ASSIGN_OR_RETURN(
      storage::Result rows,
      tx.Query(kCountSims, tx.account_id(), std::vector<int64_t>(sims.begin(), sims.end())));
  return rows[0].Int(0) == static_cast<int64_t>(sims.size()) ? absl::OkStatus() : SimNotFound();
}

constexpr char kLockShared[] = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, $2))";
constexpr char kLockExclusive[] = "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))";
absl::Status LockGroup(storage::Transaction& tx, const std::string& group, bool exclusive) {
  return tx.Run(exclusive ? kLockExclusive : kLockShared, group, tx.account_id());
}

constexpr char kSelectControl[] =
    "SELECT control FROM sims.group_controls WHERE account_id = $1 AND group_key = $2";
absl::StatusOr<v1::GroupControl> SelectControl(storage::Transaction& tx, const std::string& group) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectControl, tx.account_id(), group));
  return rows.empty() ? v1::GROUP_CONTROL_RUN : static_cast<v1::GroupControl>(rows[0].Int(0));
}

constexpr char kUpsertControl[] =
    "INSERT INTO sims.group_controls (account_id, group_key, control) VALUES ($1, $2, $3::int) "
    "ON CONFLICT (account_id, group_key) DO UPDATE SET control = $3::int";
absl::Status UpsertControl(storage::Transaction& tx, const std::string& group,
                           v1::GroupControl control) {
  return tx.Run(kUpsertControl, tx.account_id(), group, static_cast<int32_t>(control));
}

// Locked in the order of ids, as the ledger's commits do.
constexpr char kUpdateControls[] =
    "WITH mine AS (SELECT s.account_id, s.id FROM sims.dispatches d JOIN sims.dispatch_states s "
    "ON s.account_id = d.account_id AND s.id = d.id WHERE d.account_id = $1 AND d.group_key = $2 "
    "AND s.open "
    "ORDER BY s.id FOR UPDATE OF s) "
    "UPDATE sims.dispatch_states s SET control = $3::int, update_time = $4 FROM mine "
    "WHERE s.account_id = mine.account_id AND s.id = mine.id RETURNING s.sim_id";
absl::StatusOr<std::vector<int64_t>> UpdateControls(storage::Transaction& tx,
                                                    const std::string& group,
                                                    v1::GroupControl control, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kUpdateControls, tx.account_id(), group,
                                                     static_cast<int32_t>(control), now));
  std::set<int64_t> sims;
  for (const storage::Row row : rows) sims.insert(row.Int(0));
  return std::vector<int64_t>(sims.begin(), sims.end());
}

constexpr char kInsertDispatch[] =
    "INSERT INTO sims.dispatches (account_id, id, key, sim_id, lane, group_key, content, "
    "parameter_names, contact_ids, "
    "addresses, parameters, ignore_suppression, contact_range, create_time, expire_time) "
    "VALUES ($1, nextval('sims.dispatch_id'), $2, $3, $4::int, $5, $6, $7, $8, $9, $10, $11, "
    "int8range($12, $13, '[]'), "
    "$14, $15) ON CONFLICT (account_id, key) DO NOTHING RETURNING id";
constexpr char kInsertState[] =
    "INSERT INTO sims.dispatch_states (account_id, id, sim_id, lane, control, open, status, "
    "update_time) "
    "VALUES ($1, $2, $3, $4::int, $5::int, $6, $7, $8)";
absl::StatusOr<bool> InsertDispatch(storage::Transaction& tx, const v1::Dispatch& dispatch,
                                    v1::GroupControl control, absl::Time now) {
  std::vector<int64_t> contacts;
  std::vector<std::string> addresses, parameters;
  for (const v1::Recipient& recipient : dispatch.recipients()) {
    contacts.push_back(recipient.contact_id());
    addresses.push_back(recipient.address());
    parameters.insert(parameters.end(), recipient.parameters().begin(),
                      recipient.parameters().end());
  }
  const std::vector<std::string> names(dispatch.parameter_names().begin(),
                                       dispatch.parameter_names().end());
  MO_ASSIGN_OR_RETURN(
      storage::Result rows,
      tx.Query(kInsertDispatch, tx.account_id(), dispatch.key(), IdOf(dispatch.sim_id()),
               static_cast<int32_t>(dispatch.lane()), dispatch.group(),
               storage::Bytes{dispatch.content().SerializeAsString()}, names, contacts, addresses,
               parameters, dispatch.ignore_suppression(), contacts.front(), contacts.back(), now,
               FromProto(dispatch.expire_time())));
  if (rows.empty()) return false;
  const bool canceled = control == v1::GROUP_CONTROL_CANCEL;
  const Standing standing =
      canceled ? Standing{common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_CANCELED}
               : Standing{common::DELIVERY_STATE_QUEUED, common::DELIVERY_REASON_UNSPECIFIED};
  const std::string status(contacts.size(), Pack(standing));
  MO_RETURN_IF_ERROR(tx.Run(kInsertState, tx.account_id(), rows[0].Int(0), IdOf(dispatch.sim_id()),
                            static_cast<int32_t>(dispatch.lane()), static_cast<int32_t>(control),
                            !canceled, storage::Bytes{status}, now));
  return true;
}

constexpr char kLockQueued[] =
    "SELECT s.id, s.sim_id, s.lane, d.key, s.status FROM sims.dispatches d JOIN "
    "sims.dispatch_states s "
    "ON s.account_id = d.account_id AND s.id = d.id WHERE d.account_id = $1 AND d.group_key = $2 "
    "AND s.open "
    "AND position($4 IN s.status) > 0 ORDER BY s.id LIMIT $3 FOR UPDATE OF s";
absl::StatusOr<std::vector<DispatchStatus>> LockQueued(storage::Transaction& tx,
                                                       const std::string& group, int32_t limit) {
  const std::string queued(
      1, Pack({common::DELIVERY_STATE_QUEUED, common::DELIVERY_REASON_UNSPECIFIED}));
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kLockQueued, tx.account_id(), group, limit, storage::Bytes{queued}));
  std::vector<DispatchStatus> found;
  for (const storage::Row row : rows) {
    found.push_back(
        {row.Int(0), row.Int(1), static_cast<v1::Lane>(row.Int(2)), row.String(3), row.String(4)});
  }
  return found;
}

constexpr char kUpdateStatus[] =
    "UPDATE sims.dispatch_states SET status = $3, open = $4, update_time = $5 WHERE account_id = "
    "$1 AND id = $2";
absl::Status UpdateStatus(storage::Transaction& tx, const DispatchStatus& row, absl::Time now) {
  return tx.Run(kUpdateStatus, tx.account_id(), row.id, storage::Bytes{row.status},
                !IsComplete(row.status), now);
}

constexpr char kSelectStatuses[] =
    "SELECT s.status FROM sims.dispatches d JOIN sims.dispatch_states s ON s.account_id = "
    "d.account_id AND s.id = d.id "
    "WHERE d.account_id = $1 AND d.group_key = $2";
absl::StatusOr<std::vector<std::string>> SelectStatuses(storage::Transaction& tx,
                                                        const std::string& group) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectStatuses, tx.account_id(), group));
  std::vector<std::string> statuses;
  for (const storage::Row row : rows) statuses.push_back(row.String(0));
  return statuses;
}

}  // namespace mo::sims
