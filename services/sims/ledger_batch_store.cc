#include "services/sims/ledger_batch_store.h"

#include <algorithm>
#include <set>

#include "libs/runtime/status.h"
#include "services/sims/errors.h"

namespace mo::sims {
namespace {

// Progress of bulk dispatches leaves at most this often, and not before they are so old: of most,
// only their end is told, at once.
constexpr absl::Duration kReportInterval = absl::Seconds(1);

// Every statement looks row by row into a primary key (LATERAL with a lock, LIMIT or OFFSET is
// never joined otherwise): tables fill faster than they are analyzed, and the order of locks is
// that of the arrays. These are behind a SELECT to hide their lengths, for which the server would
// plan every execution anew: that takes longer than the execution.

// FOR SHARE keeps the epochs until the commit: nobody can take a lease over while its former holder
// writes.
constexpr char kLockLeases[] =
    "SELECT w.account_id, w.sim_id, l.epoch, s.state "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS w (account_id, sim_id) "
    "CROSS JOIN LATERAL (SELECT epoch FROM sims.leases WHERE account_id = w.account_id AND "
    "sim_id = w.sim_id FOR SHARE) AS l "
    "CROSS JOIN LATERAL (SELECT state FROM sims.sims WHERE account_id = w.account_id AND "
    "id = w.sim_id LIMIT 1) AS s";

constexpr char kLockStates[] =
    "SELECT w.account_id, w.id, s.sim_id, s.lane, s.control, s.status, "
    "coalesce(s.report_time, d.create_time), s.open, d.key, d.group_key, d.create_time, "
    "d.message_class "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS w (account_id, id) "
    "CROSS JOIN LATERAL (SELECT sim_id, lane, control, status, report_time, open FROM "
    "sims.dispatch_states WHERE account_id = w.account_id AND id = w.id FOR UPDATE) AS s "
    "CROSS JOIN LATERAL (SELECT key, group_key, create_time, message_class FROM sims.dispatches "
    "WHERE "
    "account_id = w.account_id AND id = w.id LIMIT 1) AS d";

// By ranges: a window's contacts are neighbours, and few of them have opted out.
constexpr char kFindSuppressed[] =
    "SELECT w.account_id, s.contact_id FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), "
    "(SELECT $3::bigint[])) AS w (account_id, low, high) "
    "CROSS JOIN LATERAL (SELECT contact_id FROM sims.suppressions WHERE account_id = w.account_id "
    "AND contact_id BETWEEN w.low AND w.high AND suppressed OFFSET 0) AS s";

// Sent after the leases are locked, so the epochs are those that the works are judged by. What a
// SIM has written itself is no inbound message, whatever brings it back: rules would answer
// themselves.
constexpr char kInsertInbound[] =
    "INSERT INTO sims.inbound (account_id, sim_id, provider_message_id, id, receive_time) "
    "SELECT i.account_id, i.sim_id, i.provider_message_id, nextval('sims.inbound_id'), $5 "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), "
    "(SELECT $4::bigint[]), (SELECT $6::text[]), (SELECT $7::text[])) "
    "AS i (account_id, sim_id, provider_message_id, epoch, address, phone) "
    "LEFT JOIN LATERAL (SELECT epoch FROM sims.leases WHERE account_id = i.account_id AND "
    "sim_id = i.sim_id LIMIT 1) AS l ON true "
    "LEFT JOIN LATERAL (SELECT address FROM sims.sims WHERE account_id = i.account_id AND "
    "id = i.sim_id LIMIT 1) AS s ON true "
    "WHERE i.epoch IN (l.epoch, -1) AND s.address IS DISTINCT FROM i.address "
    "AND s.address IS DISTINCT FROM i.phone ON CONFLICT DO NOTHING RETURNING account_id, sim_id, "
    "provider_message_id, id";

// The rows are there, locked by kLockStates: every one conflicts, what would be inserted never is.
// An upsert finds them by their primary key, whatever the planner thinks of the table's size.
constexpr char kWriteStates[] =
    "INSERT INTO sims.dispatch_states AS s (account_id, id, sim_id, lane, control, open, status, "
    "report_time, update_time) "
    "SELECT n.account_id, n.id, 0, 0, 0, n.open = 1, n.status, CASE WHEN n.report = 1 THEN $5 END, "
    "$5 FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bytea[]), "
    "(SELECT $4::smallint[]), (SELECT $6::smallint[])) AS n (account_id, id, status, open, report) "
    "ON CONFLICT (account_id, id) DO UPDATE SET status = excluded.status, open = excluded.open, "
    "update_time = excluded.update_time, report_time = coalesce(excluded.report_time, "
    "s.report_time)";

}  // namespace

LedgerReads::LedgerReads(storage::Transaction& tx, const LedgerBatch& batch) {
  AskLeases(tx, batch);
  AskStates(tx, batch);
  AskSuppressed(tx, batch);
  AskInbound(tx, batch);
}

void LedgerReads::AskLeases(storage::Transaction& tx, const LedgerBatch& batch) {
  std::set<std::pair<int64_t, int64_t>> wanted;
  for (const LedgerWork& work : batch.works) {
    if (work.epoch != kNoLease) wanted.insert({work.account_id, work.sim_id});
  }
  if (wanted.empty()) return;
  std::vector<int64_t> accounts, sims;
  for (const auto& [account_id, sim_id] : wanted) {
    accounts.push_back(account_id);
    sims.push_back(sim_id);
  }
  leases_ = tx.Ask(kLockLeases, accounts, sims);
}

void LedgerReads::AskStates(storage::Transaction& tx, const LedgerBatch& batch) {
  std::set<DispatchId> wanted;
  for (const LedgerWork& work : batch.works) {
    for (const Window& window : work.windows) wanted.insert({work.account_id, window.dispatch_id});
    for (const Transition& transition : work.transitions) {
      wanted.insert({work.account_id, DispatchOf(transition.key)});
    }
  }
  for (const Settled& each : batch.settled)
    wanted.insert({each.account_id, DispatchOf(each.transition.key)});
  if (wanted.empty()) return;
  std::vector<int64_t> accounts, ids;
  for (const auto& [account_id, id] : wanted) {
    accounts.push_back(account_id);
    ids.push_back(id);
  }
  states_ = tx.Ask(kLockStates, accounts, ids);
}

void LedgerReads::AskSuppressed(storage::Transaction& tx, const LedgerBatch& batch) {
  std::vector<int64_t> accounts, lows, highs;
  for (const LedgerWork& work : batch.works) {
    for (const Window& window : work.windows) {
      if (window.ignore_suppression || window.contact_ids.empty()) continue;
      const auto [low, high] =
          std::minmax_element(window.contact_ids.begin(), window.contact_ids.end());
      accounts.push_back(work.account_id);
      lows.push_back(*low);
      highs.push_back(*high);
    }
  }
  if (!accounts.empty()) suppressed_ = tx.Ask(kFindSuppressed, accounts, lows, highs);
}

void LedgerReads::AskInbound(storage::Transaction& tx, const LedgerBatch& batch) {
  std::vector<int64_t> accounts, sims, epochs;
  std::vector<std::string> provider_ids, addresses, phones;
  for (const LedgerWork& work : batch.works) {
    for (const v1::Inbound& inbound : work.inbound) {
      addresses.push_back(inbound.sender_address());
      phones.push_back(inbound.sender_phone());
      accounts.push_back(work.account_id);
      sims.push_back(work.sim_id);
      provider_ids.push_back(inbound.provider_message_id());
      epochs.push_back(work.epoch);
    }
  }
  if (accounts.empty()) return;
  inbound_ =
      tx.Ask(kInsertInbound, accounts, sims, provider_ids, epochs, batch.now, addresses, phones);
}

absl::Status LedgerReads::Get(LedgerBatch& batch) {
  if (leases_) MO_RETURN_IF_ERROR(GetLeases(batch));
  if (states_) MO_RETURN_IF_ERROR(GetStates(batch));
  if (suppressed_) {
    MO_ASSIGN_OR_RETURN(storage::Result rows, suppressed_->Get());
    for (const storage::Row row : rows) batch.suppressed.insert({row.Int(0), row.Int(1)});
  }
  if (inbound_) {
    MO_ASSIGN_OR_RETURN(storage::Result rows, inbound_->Get());
    for (const storage::Row row : rows)
      batch.inbound[{row.Int(0), row.Int(1), row.String(2)}] = row.Int(3);
  }
  return absl::OkStatus();
}

absl::Status LedgerReads::GetLeases(LedgerBatch& batch) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, leases_->Get());
  absl::flat_hash_set<std::tuple<int64_t, int64_t, int64_t>> held;  // account, SIM, epoch
  for (const storage::Row row : rows) {
    held.insert({row.Int(0), row.Int(1), row.Int(2)});
    const auto state = static_cast<v1::SimState>(row.Int(3));
    if (state == v1::SIM_STATE_PAUSED || state == v1::SIM_STATE_BLOCKED)
      batch.paused_sims.insert(row.Int(1));
  }
  for (size_t i = 0; i < batch.works.size(); ++i) {
    const LedgerWork& work = batch.works[i];
    if (work.epoch != kNoLease && !held.contains({work.account_id, work.sim_id, work.epoch}))
      batch.outcomes[i].status = LeaseLost();
  }
  return absl::OkStatus();
}

absl::Status LedgerReads::GetStates(LedgerBatch& batch) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, states_->Get());
  for (const storage::Row row : rows) {
    DispatchState& state = batch.states[{row.Int(0), row.Int(1)}];
    state.sim_id = row.Int(2);
    state.lane = static_cast<v1::Lane>(row.Int(3));
    state.control = static_cast<v1::GroupControl>(row.Int(4));
    state.status = row.String(5);
    state.status_before = state.status;
    state.report_time = row.Time(6);
    state.open = row.Bool(7);
    state.key = row.String(8);
    state.group = row.String(9);
    state.create_time = row.Time(10);
    state.message_class = static_cast<common::MessageClass>(row.Int(11));
  }
  return absl::OkStatus();
}

void WriteStates(storage::Transaction& tx, LedgerBatch& batch) {
  std::vector<int64_t> accounts, ids;
  std::vector<storage::Bytes> statuses;
  std::vector<int16_t> open, report;
  for (auto& [id, state] : batch.states) {
    if (!state.changed) continue;
    const bool complete = IsComplete(state.status);
    state.report = state.open == complete || state.lane == v1::LANE_INTERACTIVE ||
                   state.report_time + kReportInterval <= batch.now;
    accounts.push_back(id.first);
    ids.push_back(id.second);
    statuses.push_back({state.status});
    open.push_back(complete ? 0 : 1);
    report.push_back(state.report ? 1 : 0);
  }
  if (!ids.empty()) tx.Defer(kWriteStates, accounts, ids, statuses, open, batch.now, report);
}

}  // namespace mo::sims
