#include "services/sims/ledger_commit.h"

#include <algorithm>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/ledger_inbound.h"
#include "services/sims/progress.h"

namespace mo::sims {
namespace {

constexpr size_t kBatch = 512;    // works in one transaction
constexpr size_t kLimit = 20000;  // works that may wait
// Progress of bulk dispatches leaves at most this often; their end at once.
constexpr absl::Duration kReportInterval = absl::Seconds(1);

// Whether the same works may be committed a little later.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

}  // namespace

LedgerCommit::LedgerCommit(App& app, storage::Database& database, events::Outbox& outbox)
    : app_(app),
      database_(database),
      outbox_(outbox),
      seconds_(
          app.metrics().Seconds("mo_sims_commit_seconds", "Time of a group commit of the ledger")),
      batches_(app.metrics().Counter("mo_sims_commits_total", "Group commits of the ledger")),
      works_(app.metrics().Counter("mo_sims_commit_works_total",
                                   "Frames and windows committed to the ledger")),
      refused_(app.metrics().Counter("mo_sims_commit_refused_total",
                                     "Works that the ledger cannot commit: their agents' streams "
                                     "were ended")),
      inbound_(app.metrics().Counter("mo_sims_inbound_total", "Inbound messages stored")),
      commits_(kBatch, kLimit, [this](const std::vector<LedgerWork>& works) { Flush(works); }) {
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

void LedgerCommit::Flush(absl::Span<const LedgerWork> works) {
  std::vector<LedgerOutcome> outcomes(works.size());
  const absl::Status status = Try(works, outcomes);
  if (!status.ok() && !IsTransient(status)) {
    if (works.size() > 1) {
      // Some of them are to blame. The halves in their order: works of one agent keep theirs.
      Flush(works.subspan(0, works.size() / 2));
      return Flush(works.subspan(works.size() / 2));
    }
    Refuse(works[0], status);
    outcomes[0] = {LedgerRefused(), {}, {}};
  } else if (!status.ok()) {
    for (LedgerOutcome& outcome : outcomes) outcome.status = status;
  }
  for (size_t i = 0; i < works.size(); ++i) works[i].done(outcomes[i]);
}

absl::Status LedgerCommit::Try(absl::Span<const LedgerWork> works,
                               std::vector<LedgerOutcome>& outcomes) {
  const absl::Time start = absl::Now();
  absl::Status status;
  absl::Duration pause = absl::Milliseconds(10);
  for (;;) {
    status = database_.AsSystem([&](storage::Transaction& tx) {
      outcomes.assign(works.size(), {});  // it may run again, see Database::As
      return Commit(tx, works, outcomes);
    });
    if (status.ok() || !IsTransient(status) || stopping_) break;
    Log(LogLevel::kWarning, "ledger commit failed, will be tried again",
        {{"error", std::string(status.message())}});
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Duration(absl::Seconds(1)));
  }
  if (status.ok()) {
    batches_.Increment();
    works_.Increment(static_cast<double>(works.size()));
  }
  seconds_.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  return status;
}

// The database's message may quote what was to be stored, so it is not logged.
void LedgerCommit::Refuse(const LedgerWork& work, const absl::Status& status) {
  refused_.Increment();
  Log(LogLevel::kError, "ledger work refused",
      {{"account", work.account_id},
       {"sim", FormatId("sim", work.sim_id)},
       {"code", absl::StatusCodeToString(status.code())},
       {"windows", work.windows.size()},
       {"transitions", work.transitions.size()},
       {"inbound", work.inbound.size()},
       {"groups", work.groups.size()}});
}

absl::Status LedgerCommit::Commit(storage::Transaction& tx, absl::Span<const LedgerWork> works,
                                  std::vector<LedgerOutcome>& outcomes) {
  LedgerBatch batch{works, absl::MakeSpan(outcomes), app_.clock().Now()};
  MO_RETURN_IF_ERROR(CheckLeases(tx, batch));
  MO_RETURN_IF_ERROR(LockStates(tx, batch));
  MO_RETURN_IF_ERROR(FindSuppressed(tx, batch));
  // Results free what they belong to before new windows are cut; both see the rows as locked.
  batch.Fold();
  batch.OpenWindows();
  MO_RETURN_IF_ERROR(WriteStates(tx, batch));
  MO_RETURN_IF_ERROR(Report(tx, batch));
  MO_ASSIGN_OR_RETURN(const int inbound, StoreInbound(tx, outbox_, batch));
  MO_RETURN_IF_ERROR(StoreGroups(tx, batch));
  tx.AfterCommit([this, inbound, entered = batch.entered] {
    inbound_.Increment(inbound);
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
absl::Status LedgerCommit::CheckLeases(storage::Transaction& tx, LedgerBatch& batch) {
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
absl::Status LedgerCommit::LockStates(storage::Transaction& tx, LedgerBatch& batch) {
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
    DispatchState& state = batch.states[{row.Int(0), row.Int(1)}];
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
absl::Status LedgerCommit::FindSuppressed(storage::Transaction& tx, LedgerBatch& batch) {
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

constexpr char kWriteStates[] =
    "UPDATE sims.dispatch_states s SET status = n.status, open = n.open = 1, update_time = $5, "
    "report_time = CASE WHEN n.report = 1 THEN $5 ELSE s.report_time END "
    "FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::smallint[], $6::smallint[]) "
    "AS n (account_id, id, status, open, report) WHERE s.account_id = n.account_id AND s.id = n.id";
absl::Status LedgerCommit::WriteStates(storage::Transaction& tx, LedgerBatch& batch) {
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
absl::Status LedgerCommit::Report(storage::Transaction& tx, LedgerBatch& batch) {
  std::vector<int64_t> accounts, ids;
  for (const auto& [id, state] : batch.states) {
    if (!state.report) continue;
    accounts.push_back(id.first);
    ids.push_back(id.second);
  }
  if (ids.empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectKeys, accounts, ids));
  for (const storage::Row row : rows) {
    const DispatchState& state = batch.states[{row.Int(0), row.Int(1)}];
    const std::string group = row.String(3);
    const DispatchStatus dispatch{row.Int(1), state.sim_id, state.lane, row.String(2),
                                  state.status};
    MO_RETURN_IF_ERROR(outbox_.Append(tx, row.Int(0), group, MakeProgress(dispatch, group)));
  }
  return absl::OkStatus();
}

}  // namespace mo::sims
