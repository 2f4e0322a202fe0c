#include "services/sims/ledger_commit.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/ledger_batch_store.h"
#include "services/sims/ledger_contacts.h"
#include "services/sims/ledger_inbound.h"
#include "services/sims/ledger_names.h"
#include "services/sims/progress.h"
#include "services/sims/quality.h"
#include "services/sims/reply_windows.h"
#include "services/sims/tallies.h"

namespace mo::sims {
namespace {

constexpr size_t kBatch = 512;    // works in one transaction
constexpr size_t kLimit = 20000;  // works of an account that may wait
constexpr int64_t kLarge = 1024;  // cost of a batch that others should not wait for
constexpr absl::Duration kPatience = absl::Milliseconds(50);  // of works that are patient

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

int64_t CostOf(const std::vector<LedgerWork>& works) {
  int64_t cost = 0;
  for (const LedgerWork& work : works) cost += sims::CostOf(work);
  return cost;
}

}  // namespace

LedgerCommit::LedgerCommit(App& app, storage::Database& database, events::Outbox& outbox,
                           Quality* quality)
    : app_(app),
      database_(database),
      outbox_(outbox),
      quality_(quality),
      seconds_(
          app.metrics().Seconds("mo_sims_commit_seconds", "Time of a group commit of the ledger")),
      batches_(app.metrics().Counter("mo_sims_commits_total", "Group commits of the ledger")),
      works_(app.metrics().Counter("mo_sims_commit_works_total",
                                   "Frames and windows committed to the ledger")),
      refused_(app.metrics().Counter("mo_sims_commit_refused_total",
                                     "Works that the ledger cannot commit: their agents' streams "
                                     "were ended")),
      inbound_(app.metrics().Counter("mo_sims_inbound_total", "Inbound messages stored")),
      commits_(
          kBatch, kLimit,
          [this](const std::vector<LedgerWork>& works) {
            busy_ = CostOf(works) >= kLarge;
            Flush(works);
          },
          LedgerQueue(app.options().account_weights)),
      urgent_(
          kBatch, kLimit, [this](const std::vector<LedgerWork>& works) { Flush(works); },
          LedgerQueue(app.options().account_weights)) {
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
  urgent_.Stop();
}

bool LedgerCommit::Add(LedgerWork work) {
  const absl::Duration patience = work.patient ? kPatience : absl::ZeroDuration();
  if (!work.urgent) return commits_.TryAdd(std::move(work), patience);
  const int64_t sim_id = work.sim_id;
  if (Enter(sim_id).TryAdd(std::move(work), patience)) return true;
  Leave(sim_id);
  return false;
}

LedgerCommit::Queue& LedgerCommit::Enter(int64_t sim_id) {
  absl::MutexLock lock(&mutex_);
  Urgent& urgent = urgent_sims_[sim_id];
  if (urgent.works++ == 0) urgent.beside = busy_;
  return urgent.beside ? urgent_ : commits_;
}

void LedgerCommit::Leave(int64_t sim_id) {
  absl::MutexLock lock(&mutex_);
  const auto found = urgent_sims_.find(sim_id);
  if (--found->second.works == 0) urgent_sims_.erase(found);
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
  for (size_t i = 0; i < works.size(); ++i) {
    works[i].done(outcomes[i]);
    if (works[i].urgent) Leave(works[i].sim_id);
  }
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
       {"groups", work.groups.size()},
       {"names", work.names.size() + work.receipts.size() + work.watermarks.size()}});
}

// Two round trips: one reads under locks, the other one writes with the commit. Names need one
// more.
absl::Status LedgerCommit::Commit(storage::Transaction& tx, absl::Span<const LedgerWork> works,
                                  std::vector<LedgerOutcome>& outcomes) {
  LedgerBatch batch{works, absl::MakeSpan(outcomes), app_.clock().Now()};
  MO_RETURN_IF_ERROR(ResolveNames(tx, batch));
  LedgerReads reads(tx, batch);
  ReplyWindows replies(tx, batch);
  MO_RETURN_IF_ERROR(reads.Get(batch));
  MO_RETURN_IF_ERROR(replies.Get(batch));
  // Results free what they belong to before new windows are cut; both see the rows as locked.
  batch.Fold();
  batch.OpenWindows();
  WriteStates(tx, batch);
  MO_RETURN_IF_ERROR(Report(tx, batch));
  MO_ASSIGN_OR_RETURN(const int inbound, TellInbound(tx, outbox_, batch));
  StoreGroups(tx, batch);
  StoreReplyWindows(tx, batch);
  MO_RETURN_IF_ERROR(TellConsents(tx, outbox_, batch));
  MO_RETURN_IF_ERROR(TellMoves(tx, outbox_, batch));
  tx.AfterCommit([this, inbound, entered = batch.entered, quality = std::move(batch.quality)] {
    inbound_.Increment(inbound);
    if (quality_ != nullptr) quality_->Add(quality);
    for (size_t state = 0; state < entered.size(); ++state) {
      if (entered[state] != 0 && states_[state] != nullptr)
        states_[state]->Increment(entered[state]);
    }
  });
  return absl::OkStatus();
}

absl::Status LedgerCommit::Report(storage::Transaction& tx, const LedgerBatch& batch) {
  for (const auto& [id, state] : batch.states) {
    if (!state.report) continue;
    const DispatchStatus dispatch{id.second, state.sim_id, state.lane, state.key, state.status};
    MO_RETURN_IF_ERROR(
        outbox_.Append(tx, id.first, state.group, MakeProgress(dispatch, state.group)));
  }
  return Tell(tx, batch);
}

absl::Status LedgerCommit::Tell(storage::Transaction& tx, const LedgerBatch& batch) {
  std::map<int64_t, Tallies> accounts;
  for (const auto& [id, state] : batch.states) {
    if (!state.changed) continue;
    accounts[id.first].Add({state.sim_id, state.lane, state.group, state.message_class},
                           state.status_before, state.status, batch.now - state.create_time);
  }
  for (const auto& [account_id, tallies] : accounts)
    MO_RETURN_IF_ERROR(tallies.Tell(tx, outbox_, account_id));
  return absl::OkStatus();
}

}  // namespace mo::sims
