#include "services/rules/forward_queue.h"

#include <algorithm>
#include <set>

#include "absl/flags/flag.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

ABSL_FLAG(absl::Duration, webhook_pause_after, absl::Hours(72),
          "a webhook whose attempts have all failed for so long is paused");

namespace mo::rules {
namespace {

// Longer than an attempt takes, with what may follow from a bot's answer: what a process that dies
// was about to send waits for no more than this.
constexpr absl::Duration kLease = absl::Seconds(30);
constexpr absl::Duration kMailLease = absl::Minutes(3);
constexpr int kAttemptsKept = 20;
constexpr size_t kSaved = 256;

void AddAttempt(Forward& forward, const Outcome& outcome, absl::Time began, absl::Time now) {
  auto& attempts = *forward.request.mutable_attempts();
  if (attempts.size() >= kAttemptsKept)
    attempts.DeleteSubrange(0, attempts.size() - kAttemptsKept + 1);
  v1::ForwardAttempt& attempt = *attempts.Add();
  *attempt.mutable_time() = ToProto(began);
  const int64_t nanos = absl::ToInt64Nanoseconds(std::max(now - began, absl::ZeroDuration()));
  attempt.mutable_duration()->set_seconds(nanos / 1000000000);
  attempt.mutable_duration()->set_nanos(static_cast<int32_t>(nanos % 1000000000));
  attempt.set_code(outcome.code);
  if (outcome.kind != Outcome::Kind::kDelivered) attempt.set_error(outcome.error);
  ++forward.attempt_count;
}

SecretOwner OwnerOf(const Forward& forward) { return {forward.account_id, forward.webhook_id}; }

bool IsSigned(const Forward& forward) {
  return forward.kind == v1::FORWARD_KIND_HTTP || forward.kind == v1::FORWARD_KIND_BOT ||
         forward.kind == v1::FORWARD_KIND_WEBHOOK;
}

}  // namespace

absl::Duration Backoff(v1::ForwardKind kind, int32_t attempts) {
  const bool bot = kind == v1::FORWARD_KIND_BOT;
  const int doublings = std::clamp(attempts - 1, 0, 20);
  return std::min((bot ? absl::Seconds(1) : absl::Seconds(10)) * (int64_t{1} << doublings),
                  bot ? absl::Seconds(30) : absl::Hours(6));
}

ForwardQueue::ForwardQueue(App& app, storage::Database& database, events::Outbox& outbox,
                           SigningSecrets& secrets)
    : app_(app),
      database_(database),
      outbox_(outbox),
      secrets_(secrets),
      in_flight_(app.metrics().Gauge("mo_rules_forwards_in_flight",
                                     "Forwards that are being sent by this process")),
      open_(app.metrics().Gauge("mo_rules_forwards_destinations_failing",
                                "Destinations that this process leaves alone for a while")),
      delivered_(
          app.metrics().Counter("mo_rules_forwards_delivered_total", "Forwards that arrived")),
      failed_(app.metrics().Counter("mo_rules_forwards_failed_total",
                                    "Attempts of forwards that have failed")),
      dead_(app.metrics().Counter("mo_rules_forwards_dead_total", "Forwards that were given up")),
      seconds_(app.metrics().Seconds("mo_rules_forward_seconds", "One attempt of a forward")),
      results_(kSaved, 4 * kSaved,
               [this](std::vector<Result> results) { Save(std::move(results)); }),
      courier_(app, kInFlight) {}

void ForwardQueue::Kick() {
  if (worker_ != nullptr) worker_->Kick();
}

void ForwardQueue::Stop() {
  courier_.Stop();
  results_.Stop();
}

absl::StatusOr<std::vector<Parcel>> ForwardQueue::ClaimParcels() {
  Claim claim;
  claim.now = app_.clock().Now();
  claim.lease_end = claim.now + kLease;
  claim.mail_lease_end = claim.now + kMailLease;
  claim.per_destination = kPerDestination;
  {
    absl::MutexLock lock(&mutex_);
    claim.slots = kInFlight - breakers_.in_flight();
    claim.after = cursor_;
    claim.less = breakers_.Less(claim.now);
    open_.Set(breakers_.open(claim.now));
  }
  if (claim.slots <= 0) return std::vector<Parcel>();
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<std::vector<Parcel>> {
    MO_ASSIGN_OR_RETURN(std::vector<Forward> forwards, ClaimForwards(tx, claim));
    std::set<SecretOwner> owners;
    for (const Forward& forward : forwards) {
      if (IsSigned(forward)) owners.insert(OwnerOf(forward));
    }
    MO_ASSIGN_OR_RETURN(const Secrets secrets, secrets_.Load(tx, {owners.begin(), owners.end()}));
    MO_RETURN_IF_ERROR(AddressDeliveries(tx, forwards));
    std::vector<Parcel> parcels;
    for (Forward& forward : forwards) {
      Parcel& parcel = parcels.emplace_back();
      const auto found = secrets.find(OwnerOf(forward));
      if (found != secrets.end() && IsSigned(forward)) parcel.secrets = found->second;
      parcel.forward = std::move(forward);
    }
    return parcels;
  });
}

absl::StatusOr<bool> ForwardQueue::RunOnce() {
  MO_ASSIGN_OR_RETURN(std::vector<Parcel> parcels, ClaimParcels());
  bool more = !parcels.empty();
  std::string last;
  for (Parcel& parcel : parcels) {
    last = std::max(last, parcel.forward.destination);
    Start(std::move(parcel));
  }
  absl::MutexLock lock(&mutex_);
  in_flight_.Set(breakers_.in_flight());
  // From the first destination on again, once the last one has had its turn.
  const bool full = breakers_.in_flight() >= kInFlight;
  if (!full && !cursor_.empty()) more = true;
  cursor_ = full ? last : "";
  return more && !full;
}

void ForwardQueue::Start(Parcel parcel) {
  const absl::Time began = app_.clock().Now();
  {
    absl::MutexLock lock(&mutex_);
    breakers_.Begin(parcel.forward.destination);
  }
  if (began >= parcel.forward.expire_time) return GiveUp(std::move(parcel.forward));
  courier_.Send(parcel, [this, forward = parcel.forward, began](const Outcome& outcome) {
    Finish(forward, outcome, began);
  });
}

void ForwardQueue::Finish(Forward forward, const Outcome& outcome, absl::Time began) {
  const absl::Time now = app_.clock().Now();
  const absl::Time lease_end = forward.next_attempt_time;
  seconds_.Observe(absl::ToDoubleSeconds(now - began));
  if (outcome.kind == Outcome::Kind::kNotTried) {
    {
      absl::MutexLock lock(&mutex_);
      breakers_.Cancel(forward.destination);
    }
    forward.next_attempt_time = now;
    results_.Add({std::move(forward), lease_end, {}});
    return;
  }
  (outcome.kind == Outcome::Kind::kDelivered ? delivered_ : failed_).Increment();
  AddAttempt(forward, outcome, began, now);
  Settle(forward, outcome);
  const bool bot_failed = forward.kind == v1::FORWARD_KIND_BOT &&
                          forward.state == v1::FORWARD_STATE_DEAD &&
                          forward.request.bot().has_fallback();
  if (bot_failed) {
    forward.next_attempt_time = lease_end;
    return GiveUp(std::move(forward));
  }
  {
    absl::MutexLock lock(&mutex_);
    breakers_.End(forward.destination, outcome.kind != Outcome::Kind::kTemporary, now);
  }
  const WebhookNews news{forward.account_id, forward.webhook_id,
                         outcome.kind == Outcome::Kind::kDelivered, outcome.code == 410};
  results_.Add({std::move(forward), lease_end, news});
}

void ForwardQueue::Settle(Forward& forward, const Outcome& outcome) {
  const absl::Time now = app_.clock().Now();
  if (outcome.rest) {
    const auto attempts = forward.request.attempts();
    forward.request = *outcome.rest;
    *forward.request.mutable_attempts() = attempts;
  }
  // A webhook's owner mends what refuses it; until then it is kept for it.
  const bool refused =
      outcome.kind == Outcome::Kind::kPermanent && forward.kind != v1::FORWARD_KIND_WEBHOOK;
  if (outcome.kind == Outcome::Kind::kDelivered) {
    forward.state = v1::FORWARD_STATE_DELIVERED;
  } else if (refused) {
    forward.state = v1::FORWARD_STATE_DEAD;
  } else {
    Retry(forward, std::max(Backoff(forward.kind, forward.attempt_count), outcome.retry_after));
  }
  if (forward.state != v1::FORWARD_STATE_PENDING) forward.finish_time = now;
}

void ForwardQueue::Retry(Forward& forward, absl::Duration delay) {
  double jitter = 1;
  {
    absl::MutexLock lock(&mutex_);
    jitter = absl::Uniform(random_, 0.8, 1.2);
  }
  forward.next_attempt_time = app_.clock().Now() + delay * jitter;
  if (forward.next_attempt_time >= forward.expire_time) forward.state = v1::FORWARD_STATE_DEAD;
}

void ForwardQueue::GiveUp(Forward forward) {
  const absl::Time lease_end = forward.next_attempt_time;
  const auto settle = [this, lease_end](Forward given_up, const Outcome& outcome) {
    const absl::Time now = app_.clock().Now();
    given_up.state = v1::FORWARD_STATE_DEAD;
    given_up.finish_time = now;
    if (outcome.kind == Outcome::Kind::kTemporary || outcome.kind == Outcome::Kind::kNotTried) {
      // The contact is still to be told: not before that is it finished.
      given_up.state = v1::FORWARD_STATE_PENDING;
      given_up.finish_time = absl::InfinitePast();
      given_up.expire_time = now;
      given_up.next_attempt_time = now + absl::Seconds(10);
    }
    {
      absl::MutexLock lock(&mutex_);
      breakers_.Cancel(given_up.destination);
    }
    results_.Add({std::move(given_up), lease_end, {}});
  };
  const bool tell = forward.kind == v1::FORWARD_KIND_BOT && forward.request.bot().has_fallback();
  if (!tell) return settle(std::move(forward), Delivered());
  courier_.GiveUp(forward, [settle, forward](const Outcome& outcome) { settle(forward, outcome); });
}

void ForwardQueue::Save(std::vector<Result> results) {
  std::vector<Forward> forwards;
  std::vector<absl::Time> lease_ends;
  std::vector<WebhookNews> news;
  for (Result& result : results) {
    if (result.news.webhook_id != 0) news.push_back(result.news);
    lease_ends.push_back(result.lease_end);
    if (result.forward.state == v1::FORWARD_STATE_DEAD) dead_.Increment();
    forwards.push_back(std::move(result.forward));
  }
  const absl::Status saved = database_.AsSystem([&](storage::Transaction& tx) {
    SaveAttempts(tx, forwards, lease_ends);
    return NoteDeliveries(tx, outbox_, news, app_.clock().Now(),
                          absl::GetFlag(FLAGS_webhook_pause_after));
  });
  // Their leases end by themselves: they are sent again, under the same ids.
  if (!saved.ok())
    Log(LogLevel::kWarning, "forwards were sent, but not noted", {{"error", saved.message()}});
  Kick();
}

}  // namespace mo::rules
