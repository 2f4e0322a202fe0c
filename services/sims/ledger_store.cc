#include "services/sims/ledger_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/hold.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {

// Key by key: for a list of them the planner may prefer an index with the account alone.
constexpr char kSelectKnownKeys[] =
    "SELECT k.key FROM unnest((SELECT $2::text[])) AS k (key) CROSS JOIN LATERAL (SELECT 1 FROM "
    "sims.dispatches WHERE account_id = $1 AND key = k.key LIMIT 1) AS known";
absl::StatusOr<std::set<std::string>> SelectKnownKeys(storage::Transaction& tx,
                                                      const std::vector<std::string>& keys) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectKnownKeys, tx.account_id(), keys));
  std::set<std::string> known;
  for (const storage::Row row : rows) known.insert(row.String(0));
  return known;
}

constexpr char kLockShared[] =
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(g, $2)) FROM unnest((SELECT $1::text[])) "
    "AS g";
void ShareGroups(storage::Transaction& tx, const std::set<std::string>& groups) {
  tx.Defer(kLockShared, std::vector<std::string>(groups.begin(), groups.end()), tx.account_id());
}

constexpr char kLockExclusive[] = "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))";
constexpr char kSelectControl[] =
    "SELECT control FROM sims.group_controls WHERE account_id = $1 AND group_key = $2";
absl::StatusOr<v1::GroupControl> LockControl(storage::Transaction& tx, const std::string& group) {
  tx.Defer(kLockExclusive, group, tx.account_id());
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectControl, tx.account_id(), group));
  return rows.empty() ? v1::GROUP_CONTROL_RUN : static_cast<v1::GroupControl>(rows[0].Int(0));
}

constexpr char kUpsertControl[] =
    "INSERT INTO sims.group_controls (account_id, group_key, control) VALUES ($1, $2, $3::int) "
    "ON CONFLICT (account_id, group_key) DO UPDATE SET control = $3::int";
void UpsertControl(storage::Transaction& tx, const std::string& group, v1::GroupControl control) {
  tx.Defer(kUpsertControl, tx.account_id(), group, static_cast<int32_t>(control));
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

// $15, $16: the status when the group runs or is paused, and when it is canceled. $19: held until.
// $21, $22: a template's name and language, NULL where there is none; $23: the status when the
// SIM's catalogue is known and it is not approved there.
constexpr char kInsertDispatch[] =
    "WITH dispatch AS (INSERT INTO sims.dispatches (account_id, id, key, sim_id, lane, group_key, "
    "content, parameter_names, contact_ids, addresses, parameters, ignore_suppression, "
    "contact_range, create_time, expire_time, quiet_hours, by_person, message_class) SELECT $1, "
    "nextval('sims.dispatch_id'), $2, s.id, $4::int, $5, $6, $7, $8, $9, $10, $11, "
    "int8range($8[1], $8[array_upper($8, 1)], '[]'), $12, $13, $18, $20, CASE WHEN $21::text IS "
    "NULL "
    "THEN 1 ELSE coalesce((SELECT array_position(ARRAY['', 'MARKETING', 'UTILITY', "
    "'AUTHENTICATION'], category) FROM sims.templates WHERE account_id = $1 AND sim_id = $3 AND "
    "name = $21 AND language = $22), 0) END FROM sims.sims s WHERE "
    "s.account_id = $1 AND s.id = $3 ON CONFLICT (account_id, key) DO NOTHING RETURNING id), "
    "refused AS (SELECT $21::text IS NOT NULL AND EXISTS (SELECT 1 FROM sims.template_catalogues "
    "WHERE account_id = $1 AND sim_id = $3 AND read_time IS NOT NULL) AND NOT EXISTS (SELECT 1 "
    "FROM sims.templates WHERE account_id = $1 AND sim_id = $3 AND name = $21 AND language = $22 "
    "AND status = 1) AS yes) "
    "INSERT INTO sims.dispatch_states (account_id, id, sim_id, lane, control, open, status, "
    "update_time, hold_until) "
    "SELECT $1, d.id, $3, $4::int, coalesce(c.control, $14::int), c.control IS DISTINCT FROM "
    "$17::int AND NOT r.yes, CASE WHEN c.control = $17::int THEN $16 WHEN r.yes THEN $23 ELSE $15 "
    "END, $12, $19 FROM dispatch d CROSS JOIN refused r LEFT JOIN sims.group_controls c ON "
    "c.account_id = $1 AND c.group_key = $5 RETURNING id, status, open";
static_assert(common::MESSAGE_CLASS_SERVICE == 1 && common::MESSAGE_CLASS_MARKETING == 2 &&
              common::MESSAGE_CLASS_UTILITY == 3 && common::MESSAGE_CLASS_AUTHENTICATION == 4);
storage::Pending InsertDispatch(storage::Transaction& tx, const v1::Dispatch& dispatch,
                                absl::Time now) {
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
  const std::string queued(contacts.size(), Pack({common::DELIVERY_STATE_QUEUED, {}}));
  const std::string canceled(
      contacts.size(), Pack({common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_CANCELED}));
  const std::string unapproved(
      contacts.size(),
      Pack({common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_TEMPLATE_NOT_APPROVED}));
  std::optional<std::string> name, language;
  if (dispatch.content().has_message_template()) {
    name = dispatch.content().message_template().name();
    language = dispatch.content().message_template().language();
  }
  std::string quiet;
  absl::Time hold_until = absl::InfinitePast();
  if (dispatch.has_quiet_hours() && dispatch.lane() == v1::LANE_BULK) {
    quiet = dispatch.quiet_hours().SerializeAsString();
    hold_until =
        HoldUntil(QuietTimes(dispatch.quiet_hours()), FromProto(dispatch.expire_time()), now);
  }
  return tx.Ask(kInsertDispatch, tx.account_id(), dispatch.key(), IdOf(dispatch.sim_id()),
                static_cast<int32_t>(dispatch.lane()), dispatch.group(),
                storage::Bytes{dispatch.content().SerializeAsString()}, names, contacts, addresses,
                parameters, dispatch.ignore_suppression(), now, FromProto(dispatch.expire_time()),
                static_cast<int32_t>(v1::GROUP_CONTROL_RUN), storage::Bytes{queued},
                storage::Bytes{canceled}, static_cast<int32_t>(v1::GROUP_CONTROL_CANCEL),
                quiet.empty() ? std::nullopt : std::optional(storage::Bytes{quiet}), hold_until,
                dispatch.by_person(), name, language, storage::Bytes{unapproved});
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

constexpr char kUpdateStatuses[] =
    "UPDATE sims.dispatch_states s SET status = n.status, open = n.open = 1, update_time = $5 FROM "
    "unnest((SELECT $2::bigint[]), (SELECT $3::bytea[]), (SELECT $4::smallint[])) AS n (id, "
    "status, open) WHERE s.account_id "
    "= $1 AND s.id = n.id";
void UpdateStatuses(storage::Transaction& tx, const std::vector<DispatchStatus>& rows,
                    absl::Time now) {
  std::vector<int64_t> ids;
  std::vector<storage::Bytes> statuses;
  std::vector<int16_t> open;
  for (const DispatchStatus& row : rows) {
    ids.push_back(row.id);
    statuses.push_back({row.status});
    open.push_back(IsComplete(row.status) ? 0 : 1);
  }
  tx.Defer(kUpdateStatuses, tx.account_id(), ids, statuses, open, now);
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

// The bytes that say QUEUED are counted as characters: their number is what the text is shorter
// without them. What is paused or held is passed over after the limit, so that it costs no more
// than this either.
constexpr char kSelectBacklogs[] =
    "SELECT w.sim_id, count(*), coalesce(sum(length(d.states) - length(translate(d.states, "
    "chr($3::int), ''))) FILTER (WHERE d.control = $4::int AND (d.hold_until IS NULL OR "
    "d.hold_until <= $5)), 0)::bigint FROM unnest((SELECT $2::bigint[])) AS w (sim_id) "
    "CROSS JOIN LATERAL (SELECT control, hold_until, encode(status, 'escape') AS states "
    "FROM sims.dispatch_states WHERE sim_id = w.sim_id AND account_id = $1 AND open "
    "ORDER BY lane, id LIMIT $6) AS d GROUP BY w.sim_id";
absl::StatusOr<std::vector<v1::Backlog>> SelectBacklogs(storage::Transaction& tx,
                                                        const std::vector<int64_t>& sim_ids,
                                                        absl::Time time) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectBacklogs, tx.account_id(), sim_ids, int32_t{Pack(Standing())},
                               int32_t{v1::GROUP_CONTROL_RUN}, time, kCountedDispatches + 1));
  std::vector<v1::Backlog> backlogs;
  for (const storage::Row row : rows) {
    v1::Backlog& backlog = backlogs.emplace_back();
    backlog.set_sim_id(FormatId("sim", row.Int(0)));
    backlog.set_queued(row.Int(2));
    backlog.set_more(row.Int(1) > kCountedDispatches);
  }
  return backlogs;
}

}  // namespace mo::sims
