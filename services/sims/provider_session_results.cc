// The part of a session that decides what becomes of a message, and commits it.
#include "absl/cleanup/cleanup.h"
#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/provider_session.h"
#include "services/sims/sim_history.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

constexpr int kCommitsAsked = 2;  // one commits while the next one gathers
// Of messages that were refused for now.
constexpr size_t kMaxAttempts = 100000;

double Jitter() {
  thread_local absl::InsecureBitGen random;
  return absl::Uniform(random, 0.0, 1.0);
}

}  // namespace

void ProviderSession::SettleLocked(int64_t key, const SendOutcome& outcome) {
  const auto found = flights_.find(key);
  const std::unique_ptr<Flight> flight = std::move(found->second);
  flights_.erase(found);
  const absl::Cleanup next = [&] { NextInLineLocked(flight->contact_id(key), key); };
  const absl::Time now = gateway_.app().clock().Now();
  const Consequence& consequence = ConsequenceOf(outcome.error);
  if (flight->has_file && flight->first) {
    files_.Failed(flight->media_id);
    ReleaseLocked(flight->media_id, {});
  }
  PunishLocked(consequence, outcome.code);
  if (consequence.contact == ContactFate::kOptOut)
    consents_.push_back({flight->address, /*stopped=*/true, /*marketing=*/false, now});
  // Where the provider takes a key only once, doubt is settled by asking again.
  if (consequence.message == MessageFate::kUncertain && idempotent_) {
    SendOutcome again = outcome;
    again.error = ErrorClass::kRetry;
    return RetryLocked(key, *flight, again);
  }
  switch (consequence.message) {
    case MessageFate::kDone:
      pace_.Accepted(now);
      attempts_.erase(key);
      results_.push_back({key,
                          {common::DELIVERY_STATE_ACCEPTED, {}},
                          absl::InfinitePast(),
                          outcome.provider_id,
                          flight->address,
                          flight->start});
      return;
    case MessageFate::kUncertain:
      attempts_.erase(key);
      results_.push_back(
          {key, {common::DELIVERY_STATE_UNCERTAIN, {}}, absl::InfinitePast(), "", ""});
      return;
    case MessageFate::kRetry:
    case MessageFate::kRedirect:
      return RetryLocked(key, *flight, outcome);
    case MessageFate::kFail:
      attempts_.erase(key);
      results_.push_back(
          {key, {common::DELIVERY_STATE_FAILED, consequence.reason}, absl::InfinitePast(), "", ""});
  }
}

void ProviderSession::RetryLocked(int64_t key, const Flight& flight, const SendOutcome& outcome) {
  const Consequence& consequence = ConsequenceOf(outcome.error);
  // Those that were canceled meanwhile are forgotten in this way only.
  if (attempts_.size() > kMaxAttempts) attempts_.clear();
  const int attempt = ++attempts_[key];
  if (attempt >= consequence.attempts) {
    attempts_.erase(key);
    results_.push_back(
        {key, {common::DELIVERY_STATE_FAILED, consequence.reason}, absl::InfinitePast(), "", ""});
    return;
  }
  if (consequence.message == MessageFate::kRedirect && !outcome.new_address.empty()) {
    moved_.push_back({flight.address, outcome.new_address});
    // The provider has not taken it, so it is still the same attempt.
    auto& again = flights_[key];
    again = std::make_unique<Flight>();
    again->dispatch = flight.dispatch;
    again->address = outcome.new_address;
    return StartLocked(key, *again);
  }
  const absl::Time now = gateway_.app().clock().Now();
  const absl::Duration pause = BackOff(consequence, attempt, outcome.retry_after, Jitter());
  pace_.Refused(consequence, flight.address, pause, now);
  sender_.SetRate(Sender::WholeRate(pace_.rate()), now);
  results_.push_back({key, {common::DELIVERY_STATE_QUEUED, {}}, now + pause, "", ""});
  PostponeLineLocked(flight.contact_id(key), key, now + pause);
}

void ProviderSession::PunishLocked(const Consequence& consequence, int code) {
  if (consequence.sim == SimFate::kPause) StopSim(v1::SIM_STATE_PAUSED, consequence, code);
  if (consequence.sim == SimFate::kBlock) StopSim(v1::SIM_STATE_BLOCKED, consequence, code);
  if (consequence.sim != SimFate::kFreezeBulk) return;
  // Once for all that were under way.
  const absl::Time now = gateway_.app().clock().Now();
  if (pace_.BulkWaits(now)) return;
  Log(LogLevel::kError, "the network has frozen a SIM's campaigns",
      {{"sim", FormatId("sim", sim_id_)}, {"code", code}});
  ChangeSim([account_id = account_id_, sim_id = sim_id_, now, code](storage::Transaction& tx) {
    NoteHistory(tx, account_id, sim_id, now, "CAMPAIGNS_FROZEN",
                absl::StrCat("the provider takes no campaigns, code ", code));
    return absl::OkStatus();
  });
}

void ProviderSession::StopSim(v1::SimState state, const Consequence& consequence, int code) {
  if (std::exchange(stopped_sim_, true)) return;
  running_ = false;
  Log(LogLevel::kError, "a SIM was taken out of the pool: its provider refuses it",
      {{"sim", FormatId("sim", sim_id_)},
       {"class", std::string(consequence.name)},
       {"code", code}});
  StateChange change;
  change.to = state;
  change.by = StateActor::kNetwork;
  // "UNAUTHORIZED", "MISCONFIGURED", "BLOCKED".
  change.code = absl::AsciiStrToUpper(absl::StripPrefix(consequence.name, "sim_"));
  change.detail = absl::StrCat("the provider refused a message with code ", code);
  ChangeSim([this, change = std::move(change)](storage::Transaction& tx) {
    return ChangeState(tx, gateway_.outbox(), account_id_, sim_id_, change,
                       gateway_.app().clock().Now())
        .status();
  });
}

void ProviderSession::ChangeSim(std::function<absl::Status(storage::Transaction& tx)> change) {
  gateway_.Post(account_id_, [this, self = shared_from_this(), change = std::move(change)] {
    const absl::Status status = gateway_.database().AsSystem(change);
    if (!status.ok()) {
      Log(LogLevel::kWarning, "a change of a SIM was not saved",
          {{"error", std::string(status.message())}});
    }
    {
      std::lock_guard lock(mutex_);
      stopped_sim_ = false;
    }
    // As the database has it now.
    Reconfigure();
  });
}

void ProviderSession::CommitLocked() {
  if (ended_ || results_.empty() || commits_asked_ >= kCommitsAsked) return;
  std::vector<Result> results = std::exchange(results_, {});
  LedgerWork work = NewWork();
  work.transitions.reserve(results.size());
  const ReceiptKind receipts = driver_->capabilities().receipts;
  const absl::Time now = gateway_.app().clock().Now();
  for (const Result& result : results) {
    work.transitions.push_back({result.key, result.standing});
    if (result.provider_id.empty()) continue;
    if (receipts == ReceiptKind::kById)
      work.names.push_back({result.provider_id, result.key, "", now});
    if (receipts == ReceiptKind::kWatermark)
      work.names.push_back({result.provider_id, result.key, result.address, result.start});
  }
  work.network = sim_->network;
  work.consents = std::exchange(consents_, {});
  work.moved = std::exchange(moved_, {});
  // While there is credit for more, nothing waits for what became of what was sent.
  work.patient = sender_.Relaxed();
  work.done = [this, self = shared_from_this(), results = std::move(results)](
                  const LedgerOutcome& outcome) { Committed(results, outcome); };
  ++commits_asked_;
  if (gateway_.ledger().Add(std::move(work))) return;
  --commits_asked_;
  EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
}

void ProviderSession::Committed(const std::vector<Result>& results, const LedgerOutcome& outcome) {
  std::lock_guard lock(mutex_);
  --commits_asked_;
  if (ended_) return;
  if (!outcome.status.ok()) return EndLocked(outcome.status);
  for (const Result& result : results) {
    if (result.standing.state == common::DELIVERY_STATE_QUEUED) {
      sender_.Later(result.key, result.again);
    } else {
      sender_.Resolved(result.key);
    }
  }
  CommitLocked();
  PumpLocked();
}

}  // namespace mo::sims
