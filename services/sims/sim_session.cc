#include "services/sims/sim_session.h"

#include <algorithm>

#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

constexpr int kWindowsAsked = 2;  // one commits while the next one gathers
constexpr int kUrgentAsked = 2;   // beside those, of interactive messages alone

}  // namespace

void SimSession::End(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  EndLocked(status);
}

void SimSession::SetLimitsLocked(const SimLimits& limits) {
  sender_.SetRate(Sender::WholeRate(limits.Rate(0)), gateway_.app().clock().Now());
}

void SimSession::Wake(v1::Lane lane) {
  std::lock_guard lock(mutex_);
  more_.insert(lane);
  LoadLocked();
}

void SimSession::Wake() {
  std::lock_guard lock(mutex_);
  more_ = {v1::LANE_INTERACTIVE, v1::LANE_BULK};
  LoadLocked();
}

bool SimSession::Hungry() {
  std::lock_guard lock(mutex_);
  return OpenLocked() && running_ &&
         (sender_.Low(v1::LANE_INTERACTIVE) || sender_.Low(v1::LANE_BULK));
}

// Only what is known to be there: asking in vain would never end. What comes after the running
// query's snapshot is fetched after it.
void SimSession::LoadLocked() {
  if (!OpenLocked() || !running_) return;
  for (const v1::Lane lane : more_) {
    if (loading_.contains(lane) || !sender_.Low(lane)) continue;
    if (gateway_.loader().Ask(shared_from_this(), lane)) loading_.insert(lane);
  }
}

std::vector<int64_t> SimSession::Loading(v1::Lane lane) {
  std::lock_guard lock(mutex_);
  more_.erase(lane);
  return sender_.Known();
}

void SimSession::Loaded(v1::Lane lane,
                        absl::StatusOr<std::vector<std::shared_ptr<LoadedDispatch>>> loaded,
                        bool full) {
  std::lock_guard lock(mutex_);
  loading_.erase(lane);
  if (!loaded.ok()) {
    Log(LogLevel::kWarning, "loading dispatches failed",
        {{"error", std::string(loaded.status().message())}});
    return;  // the gateway's poll asks again
  }
  if (full) more_.insert(lane);
  sender_.Offer(*std::move(loaded));
  PumpLocked();
}

LedgerWork SimSession::NewWork() const {
  LedgerWork work;
  work.account_id = account_id_;
  work.sim_id = sim_id_;
  work.epoch = epoch_;
  return work;
}

// An earlier lease's messages may have left: never sent again, settled by receipts or not at all.
bool SimSession::SettleDoubtfulLocked() {
  std::vector<int64_t> doubtful = sender_.TakeDoubtful();
  if (doubtful.empty()) return true;
  LedgerWork work = NewWork();
  for (int64_t key : doubtful)
    work.transitions.push_back({key, {common::DELIVERY_STATE_UNCERTAIN, {}}});
  work.done = [self = shared_from_this(),
               doubtful = std::move(doubtful)](const LedgerOutcome& outcome) {
    std::lock_guard lock(self->mutex_);
    if (!outcome.status.ok()) return self->EndLocked(outcome.status);
    self->sender_.Settled(doubtful);
  };
  if (gateway_.ledger().Add(std::move(work))) return true;
  // They are found again, doubtful still, by the next session.
  EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
  return false;
}

void SimSession::PumpLocked() {
  if (!OpenLocked() || !running_) return;
  const absl::Time now = gateway_.app().clock().Now();
  if (!idempotent_ && !SettleDoubtfulLocked()) return;
  while (windows_asked_ < kWindowsAsked + (bulk_asked_ > 0 ? kUrgentAsked : 0)) {
    const May may = MayLocked(now);
    if (may == May::kNothing) break;
    // Those of a broadcast leave room for an answer.
    Sender::Cut cut =
        sender_.Next(now, may == May::kInteractive || windows_asked_ >= kWindowsAsked);
    if (cut.windows.empty()) break;
    ++windows_asked_;
    if (!cut.interactive) ++bulk_asked_;
    if (AdmitLocked(cut)) AdmittedLocked(std::move(cut));
    if (!OpenLocked()) return;
  }
  LoadLocked();
}

void SimSession::AdmittedLocked(Sender::Cut cut) {
  CompleteLocked(cut);
  LedgerWork work = NewWork();
  work.urgent = cut.interactive;
  work.windows = cut.windows;
  work.done = [self = shared_from_this(), cut = std::move(cut)](const LedgerOutcome& outcome) {
    self->Opened(cut, outcome);
  };
  if (!gateway_.ledger().Add(std::move(work)))
    EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
}

void SimSession::Opened(const Sender::Cut& cut, const LedgerOutcome& outcome) {
  std::lock_guard lock(mutex_);
  --windows_asked_;
  if (!cut.interactive) --bulk_asked_;
  if (!OpenLocked()) return;
  if (!outcome.status.ok()) return EndLocked(outcome.status);
  sender_.Opened(cut, outcome);
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    if (!outcome.opened[w].empty()) SendLocked(cut.dispatches[w], outcome.opened[w]);
  }
  PumpLocked();
}

void SimSession::Seen(int64_t version) {
  {
    std::lock_guard lock(mutex_);
    if (version_ == version) return;
  }
  Reconfigure();
}

constexpr char kSelectConfig[] = "SELECT s.state, s.version, " SIM_LIMIT_COLUMNS
                                 " FROM sims.sims s WHERE s.account_id = $1 AND s.id = $2";
void SimSession::Reconfigure() {
  gateway_.Post(account_id_, [self = shared_from_this()] {
    absl::Status status = self->gateway_.database().ReadAs(
        self->account_id_, [&](storage::Transaction& tx) -> absl::Status {
          MO_ASSIGN_OR_RETURN(storage::Result rows,
                              tx.Query(kSelectConfig, self->account_id_, self->sim_id_));
          if (rows.empty()) return SimNotFound();
          const auto state = static_cast<v1::SimState>(rows[0].Int(0));
          std::lock_guard lock(self->mutex_);
          self->version_ = rows[0].Int(1);
          const bool resumed = !std::exchange(self->running_, Sends(state)) && self->running_;
          self->SetLimitsLocked(ReadSimLimits(rows[0], 2));
          if (resumed) self->ResumedLocked();
          return absl::OkStatus();
        });
    if (status.code() == absl::StatusCode::kNotFound) return self->End(status);
    self->Wake();
  });
}

}  // namespace mo::sims
