#include "services/sims/ledger_commit.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"

namespace mo::sims {
namespace {

constexpr size_t kBatch = 512;    // works in one transaction
constexpr size_t kLimit = 20000;  // works that may wait
// Progress of bulk dispatches leaves at most this often; their end at once.
constexpr absl::Duration kReportInterval = absl::Seconds(1);

// A dispatch by account and number.
using DispatchId = std::pair<int64_t, int64_t>;

// A dispatch's state row while it is locked.
struct State {
  int64_t sim_id = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  v1::GroupControl control = v1::GROUP_CONTROL_UNSPECIFIED;
  std::string status;
  absl::Time report_time;
  bool open = true;
  bool changed = false;
  bool report = false;
};

}  // namespace

// The works of one transaction and what was read for them.
struct LedgerCommit::Batch {
  std::vector<LedgerWork>& works;
  std::vector<LedgerOutcome>& outcomes;
  absl::Time now;
  std::map<DispatchId, State> states;  // ordered: rows are locked in one order everywhere
  absl::flat_hash_set<std::pair<int64_t, int64_t>> suppressed;  // (account, contact)
  absl::flat_hash_set<int64_t> paused_sims;
  std::array<int, 16> entered{};  // how many recipients entered each state

  bool live(size_t i) const { return outcomes[i].status.ok(); }
};

LedgerCommit::LedgerCommit(App& app, storage::Database& database, events::Outbox& outbox)
    : app_(app),
      database_(database),
      outbox_(outbox),
      seconds_(
          app.metrics().Seconds("mo_sims_commit_seconds", "Time of a group commit of the ledger")),
      batches_(app.metrics().Counter("mo_sims_commits_total", "Group commits of the ledger")),
      works_(app.metrics().Counter("mo_sims_commit_works_total",
                                   "Frames and windows committed to the ledger")),
      inbound_(app.metrics().Counter("mo_sims_inbound_total", "Inbound messages stored")),
      commits_(kBatch, kLimit, [this](std::vector<LedgerWork> works) { Flush(std::move(works)); }) {
  for (int state = 0; state < 16; ++state) {
    const std::string& name = common::DeliveryState_Name(static_cast<common::DeliveryState>(state));
    states_.push_back(name.empty() ? nullptr
                                   : &app.metrics().Counter("mo_sims_deliveries_total",
                                                            "Recipients that entered a state",
                                                            {{"state", name}}));
  }
}

void LedgerCommit::Stop() {
  stopping_ = true;
  commits_.Stop();
}

void LedgerCommit::Flush(std::vector<LedgerWork> works) {
  const absl::Time start = absl::Now();
  std::vector<LedgerOutcome> outcomes;
  absl::Status status;
  absl::Duration pause = absl::Milliseconds(10);
  for (;;) {
    outcomes.assign(works.size(), {});
    status =
        database_.AsSystem([&](storage::Transaction& tx) { return Commit(tx, works, outcomes); });
    if (status.ok() || stopping_) break;
    Log(LogLevel::kWarning, "ledger commit failed, will be tried again",
        {{"error", std::string(status.message())}});
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Duration(absl::Seconds(1)));
  }
  batches_.Increment();
  works_.Increment(static_cast<double>(works.size()));
  seconds_.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  for (size_t i = 0; i < works.size(); ++i) {
    if (!status.ok()) outcomes[i].status = status;
    works[i].done(outcomes[i]);
  }
}

absl::Status LedgerCommit::Commit(storage::Transaction& tx, std::vector<LedgerWork>& works,
                                  std::vector<LedgerOutcome>& outcomes) {
  Batch batch{works, outcomes, app_.clock().Now(), {}, {}, {}, {}};
  MO_RETURN_IF_ERROR(CheckLeases(tx, batch));
  MO_RETURN_IF_ERROR(LockStates(tx, batch));
  MO_RETURN_IF_ERROR(FindSuppressed(tx, batch));
  // Results free what they belong to before new windows are cut; both see the rows as locked.
  Fold(batch);
  OpenWindows(batch);
  MO_RETURN_IF_ERROR(WriteStates(tx, batch));
  MO_RETURN_IF_ERROR(Report(tx, batch));
  MO_RETURN_IF_ERROR(StoreInbound(tx, batch));
  MO_RETURN_IF_ERROR(StoreGroups(tx, batch));
  tx.AfterCommit([this, entered = batch.entered] {
    for (size_t state = 0; state < entered.size(); ++state) {
      if (entered[state] != 0 && states_[state] != nullptr)
        states_[state]->Increment(entered[state]);
    }
  });
  return absl::OkStatus();
}

// FOR SHARE keeps the epochs until the commit: nobody can take a lease over while its former holder
// writes.
constexpr char kCheckLeases[] =
    "SELECT l.sim_id, l.epoch, s.state FROM sims.leases l JOIN sims.sims s ON s.account_id = "
    "l.account_id AND "
    "s.id = l.sim_id WHERE l.sim_id = ANY($1::bigint[]) ORDER BY l.sim_id FOR SHARE OF l";
absl::Status LedgerCommit::CheckLeases(storage::Transaction& tx, Batch& batch) {
  std::set<int64_t> ids;
  for (const LedgerWork& work : batch.works) ids.insert(work.sim_id);
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kCheckLeases, std::vector<int64_t>(ids.begin(), ids.end())));
  absl::flat_hash_map<int64_t, int64_t> epochs;
  for (const storage::Row row : rows) {
    epochs[row.Int(0)] = row.Int(1);
    const auto state = static_cast<v1::SimState>(row.Int(2));
    if (state == v1::SIM_STATE_PAUSED || state == v1::SIM_STATE_BLOCKED)
      batch.paused_sims.insert(row.Int(0));
  }
  for (size_t i = 0; i < batch.works.size(); ++i) {
    const auto found = epochs.find(batch.works[i].sim_id);
    if (found == epochs.end() || found->second != batch.works[i].epoch)
      batch.outcomes[i].status = LeaseLost();
  }
  return absl::OkStatus();
}

constexpr char kLockStates[] =
    "SELECT s.account_id, s.id, s.sim_id, s.lane, s.control, s.status, s.report_time, s.open FROM "
    "sims.dispatch_states s "
    "JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (account_id, id) ON s.account_id = "
    "wanted.account_id "
    "AND s.id = wanted.id ORDER BY s.account_id, s.id FOR UPDATE OF s";
absl::Status LedgerCommit::LockStates(storage::Transaction& tx, Batch& batch) {
  std::set<DispatchId> wanted;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const Window& window : work.windows) wanted.insert({work.account_id, window.dispatch_id});
    for (const Transition& transition : work.transitions) {
      wanted.insert({work.account_id, DispatchOf(transition.key)});
    }
  }
  if (wanted.empty()) return absl::OkStatus();
  std::vector<int64_t> accounts, ids;
  for (const auto& [account_id, id] : wanted) {
    accounts.push_back(account_id);
    ids.push_back(id);
  }
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockStates, accounts, ids));
  for (const storage::Row row : rows) {
    State& state = batch.states[{row.Int(0), row.Int(1)}];
    state.sim_id = row.Int(2);
    state.lane = static_cast<v1::Lane>(row.Int(3));
    state.control = static_cast<v1::GroupControl>(row.Int(4));
    state.status = row.String(5);
    state.report_time = row.Time(6);
    state.open = row.Bool(7);
  }
  return absl::OkStatus();
}

// By ranges: a window's contacts are neighbours, and few of them have opted out.
constexpr char kFindSuppressed[] =
    "SELECT s.account_id, s.contact_id FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS w "
    "(account_id, low, high) "
    "JOIN sims.suppressions s ON s.account_id = w.account_id AND s.contact_id BETWEEN w.low AND "
    "w.high WHERE s.suppressed";
absl::Status LedgerCommit::FindSuppressed(storage::Transaction& tx, Batch& batch) {
  std::vector<int64_t> accounts, lows, highs;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    for (const Window& window : batch.works[i].windows) {
      if (window.ignore_suppression || window.contact_ids.empty()) continue;
      const auto [low, high] =
          std::minmax_element(window.contact_ids.begin(), window.contact_ids.end());
      accounts.push_back(batch.works[i].account_id);
      lows.push_back(*low);
      highs.push_back(*high);
    }
  }
  if (accounts.empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kFindSuppressed, accounts, lows, highs));
  for (const storage::Row row : rows) batch.suppressed.insert({row.Int(0), row.Int(1)});
  return absl::OkStatus();
}

void LedgerCommit::Fold(Batch& batch) {
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const Transition& transition : work.transitions) {
      const auto found = batch.states.find({work.account_id, DispatchOf(transition.key)});
      // A key that is none of this SIM's is a mistake of the agent; it changes nothing.
      if (found == batch.states.end() || found->second.sim_id != work.sim_id) continue;
      State& state = found->second;
      const auto index = static_cast<size_t>(IndexOf(transition.key));
      if (index >= state.status.size()) continue;
      if (!Rises(Unpack(state.status[index]).state, transition.standing.state)) continue;
      state.status[index] = Pack(transition.standing);
      state.changed = true;
      ++batch.entered[static_cast<size_t>(transition.standing.state)];
    }
  }
}

void LedgerCommit::OpenWindows(Batch& batch) {
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    LedgerOutcome& outcome = batch.outcomes[i];
    outcome.opened.resize(work.windows.size());
    for (size_t w = 0; w < work.windows.size(); ++w) {
      const Window& window = work.windows[w];
      const auto found = batch.states.find({work.account_id, window.dispatch_id});
      if (found == batch.states.end() || found->second.sim_id != work.sim_id) continue;
      State& state = found->second;
      const bool canceled = state.control == v1::GROUP_CONTROL_CANCEL;
      const bool expired =
          window.expire_time != absl::InfinitePast() && window.expire_time <= batch.now;
      if (!canceled && !expired &&
          (state.control == v1::GROUP_CONTROL_PAUSE || batch.paused_sims.contains(work.sim_id))) {
        outcome.paused.push_back(window.dispatch_id);
        continue;
      }
      for (size_t n = 0; n < window.indices.size(); ++n) {
        char& byte = state.status[static_cast<size_t>(window.indices[n])];
        const common::DeliveryState now = Unpack(byte).state;
        if (now == common::DELIVERY_STATE_ATTEMPTING && window.resend) {
          outcome.opened[w].push_back(window.indices[n]);
          continue;
        }
        if (now != common::DELIVERY_STATE_QUEUED) continue;
        Standing next{common::DELIVERY_STATE_ATTEMPTING, common::DELIVERY_REASON_UNSPECIFIED};
        if (canceled) {
          next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_CANCELED};
        } else if (expired) {
          next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_EXPIRED};
        } else if (!window.ignore_suppression &&
                   batch.suppressed.contains({work.account_id, window.contact_ids[n]})) {
          next = {common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_STOPPED};
        } else {
          outcome.opened[w].push_back(window.indices[n]);
        }
        byte = Pack(next);
        state.changed = true;
        ++batch.entered[static_cast<size_t>(next.state)];
      }
    }
  }
}

constexpr char kWriteStates[] =
    "UPDATE sims.dispatch_states s SET status = n.status, open = n.open = 1, update_time = $5, "
    "report_time = CASE WHEN n.report = 1 THEN $5 ELSE s.report_time END "
    "FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::smallint[], $6::smallint[]) "
    "AS n (account_id, id, status, open, report) WHERE s.account_id = n.account_id AND s.id = n.id";
absl::Status LedgerCommit::WriteStates(storage::Transaction& tx, Batch& batch) {
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
  if (ids.empty()) return absl::OkStatus();
  return tx.Run(kWriteStates, accounts, ids, statuses, open, batch.now, report);
}

constexpr char kSelectKeys[] =
    "SELECT d.account_id, d.id, d.key, d.group_key FROM sims.dispatches d "
    "JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (account_id, id) ON d.account_id = "
    "wanted.account_id "
    "AND d.id = wanted.id";
absl::Status LedgerCommit::Report(storage::Transaction& tx, Batch& batch) {
  std::vector<int64_t> accounts, ids;
  for (const auto& [id, state] : batch.states) {
    if (!state.report) continue;
    accounts.push_back(id.first);
    ids.push_back(id.second);
  }
  if (ids.empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectKeys, accounts, ids));
  for (const storage::Row row : rows) {
    const State& state = batch.states[{row.Int(0), row.Int(1)}];
    v1::DispatchProgress event;
    event.set_dispatch_id(row.Int(1));
    event.set_key(row.String(2));
    event.set_group(row.String(3));
    event.set_lane(state.lane);
    event.set_sim_id(FormatId("sim", state.sim_id));
    AddCounts(state.status, *event.mutable_counts());
    event.set_complete(IsComplete(state.status));
    if (state.status.size() == 1) {
      event.set_state(Unpack(state.status[0]).state);
      event.set_reason(Unpack(state.status[0]).reason);
    }
    MO_RETURN_IF_ERROR(outbox_.Append(tx, row.Int(0), event.group(), event));
  }
  return absl::OkStatus();
}

constexpr char kInsertInbound[] =
    "INSERT INTO sims.inbound (account_id, sim_id, provider_message_id, id, receive_time) "
    "SELECT i.account_id, i.sim_id, i.provider_message_id, nextval('sims.inbound_id'), $4 "
    "FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS i (account_id, sim_id, "
    "provider_message_id) "
    "ON CONFLICT DO NOTHING RETURNING sim_id, provider_message_id, id";
absl::Status LedgerCommit::StoreInbound(storage::Transaction& tx, Batch& batch) {
  std::vector<int64_t> accounts, sims;
  std::vector<std::string> provider_ids;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    for (const v1::Inbound& inbound : batch.works[i].inbound) {
      accounts.push_back(batch.works[i].account_id);
      sims.push_back(batch.works[i].sim_id);
      provider_ids.push_back(inbound.provider_message_id());
    }
  }
  if (sims.empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kInsertInbound, accounts, sims, provider_ids, batch.now));
  std::map<std::pair<int64_t, std::string>, int64_t> fresh;
  for (const storage::Row row : rows) fresh[{row.Int(0), row.String(1)}] = row.Int(2);
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    for (const v1::Inbound& inbound : batch.works[i].inbound) {
      const auto found = fresh.find({batch.works[i].sim_id, inbound.provider_message_id()});
      if (found == fresh.end()) continue;  // a duplicate: known already, or twice in this batch
      v1::InboundReceived event;
      event.set_sim_id(FormatId("sim", batch.works[i].sim_id));
      event.set_network(batch.works[i].network);
      event.set_provider_message_id(inbound.provider_message_id());
      event.set_sender_address(inbound.sender_address());
      event.set_sender_phone(inbound.sender_phone());
      event.set_sender_name(inbound.sender_name());
      event.set_group_id(inbound.group_id());
      *event.mutable_content() = inbound.content();
      *event.mutable_send_time() = inbound.has_time() ? inbound.time() : ToProto(batch.now);
      *event.mutable_receive_time() = ToProto(batch.now);
      event.set_inbound_id(found->second);
      fresh.erase(found);
      MO_RETURN_IF_ERROR(outbox_.Append(tx, batch.works[i].account_id,
                                        absl::StrCat(event.sim_id(), "/", event.sender_address()),
                                        event));
      inbound_.Increment();
    }
  }
  return absl::OkStatus();
}

constexpr char kUpsertGroup[] =
    "INSERT INTO sims.groups (account_id, sim_id, group_id, display_name, join_time) VALUES ($1, "
    "$2, $3, $4, $5) "
    "ON CONFLICT (account_id, sim_id, group_id) DO UPDATE SET display_name = $4";
constexpr char kDeleteGroup[] =
    "DELETE FROM sims.groups WHERE account_id = $1 AND sim_id = $2 AND group_id = $3";
absl::Status LedgerCommit::StoreGroups(storage::Transaction& tx, Batch& batch) {
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const v1::GroupMembership& group : work.groups) {
      if (group.left()) {
        MO_RETURN_IF_ERROR(tx.Run(kDeleteGroup, work.account_id, work.sim_id, group.group_id()));
      } else {
        MO_RETURN_IF_ERROR(tx.Run(kUpsertGroup, work.account_id, work.sim_id, group.group_id(),
                                  group.display_name(),
                                  group.has_time() ? FromProto(group.time()) : batch.now));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace mo::sims
