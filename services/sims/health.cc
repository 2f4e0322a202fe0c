#include "services/sims/health.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/status.h"
#include "services/sims/quality_rules.h"
#include "services/sims/sim_history.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

using HealthKind = HealthEvent::Kind;

// Names as HealthEvent::name of kLimits.
constexpr char kRecipientsLimit[] = "unique_recipients_per_day";
constexpr absl::string_view kTierPrefix = "TIER_";
// What "no limit" looks like in the places that hold numbers.
constexpr int64_t kNoLimit = 0;

// The provider's words, as people may read them.
std::string Words(const HealthEvent& event) {
  if (event.name.empty() || event.detail.empty()) return absl::StrCat(event.name, event.detail);
  return absl::StrCat(event.name, ": ", event.detail);
}

// When it was: what the provider says, unless its clock is ahead of ours.
absl::Time TimeOf(const HealthEvent& event, absl::Time now) {
  return event.time == absl::Time() ? now : std::min(event.time, now);
}

constexpr char kChangeRating[] =
    "WITH old AS (SELECT network_rating, speed FROM sims.sims WHERE account_id = $1 AND id = $2 "
    "FOR "
    "NO KEY UPDATE) UPDATE sims.sims s SET network_rating = $3, version = s.version + 1 FROM old "
    "WHERE s.account_id = $1 AND s.id = $2 AND old.network_rating <> $3 RETURNING old.speed, "
    "old.network_rating";
absl::StatusOr<bool> ApplyRating(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                                 const HealthEvent& event, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result changed,
                      tx.Query(kChangeRating, account_id, sim_id, event.detail));
  if (changed.empty()) return false;
  const double speed = changed[0].Get<double>(0);
  const std::string before = changed[0].String(1);
  NoteHistory(tx, account_id, sim_id, TimeOf(event, now), "RATING",
              before.empty()
                  ? absl::StrCat("the network rates it ", event.detail)
                  : absl::StrCat("the network rates it ", event.detail, " after ", before));
  // Comes back by itself, step by step (quality_judge.cc).
  if (event.detail == "RED") {
    ChangeSpeed(tx, account_id, sim_id, Slower(speed), "SLOWED_DOWN", "the network rates it RED",
                now);
  }
  return true;
}

constexpr char kChangeLimit[] =
    "UPDATE sims.sims SET recipients_per_day = $3, version = version + 1 WHERE account_id = $1 AND "
    "id = $2 AND recipients_per_day <> $3";
absl::StatusOr<bool> ApplyLimits(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                                 const HealthEvent& event, absl::Time now) {
  std::string words = Words(event);
  if (event.value != 0) absl::StrAppend(&words, " ", event.value);
  NoteHistory(tx, account_id, sim_id, TimeOf(event, now), "LIMITS", words);
  if (event.name != kRecipientsLimit) return false;
  std::optional<int64_t> limit;
  if (event.value != 0) limit = event.value < 0 ? kNoLimit : event.value;
  if (!limit) limit = TierOf(event.detail);
  if (!limit) return false;
  MO_ASSIGN_OR_RETURN(storage::Result changed, tx.Query(kChangeLimit, account_id, sim_id, *limit));
  return changed.affected() == 1;
}

}  // namespace

std::optional<int64_t> TierOf(absl::string_view word) {
  if (!absl::ConsumePrefix(&word, kTierPrefix)) return std::nullopt;
  if (word == "UNLIMITED") return kNoLimit;
  const int64_t unit = absl::ConsumeSuffix(&word, "K") ? 1000 : 1;
  int64_t number = 0;
  if (!absl::SimpleAtoi(word, &number) || number <= 0 || number > 1000000) return std::nullopt;
  return number * unit;
}

absl::StatusOr<bool> ApplyHealth(storage::Transaction& tx, events::Outbox& outbox,
                                 int64_t account_id, int64_t sim_id, const HealthEvent& event,
                                 absl::Time now) {
  absl::StatusOr<bool> changed = false;
  switch (event.kind) {
    case HealthKind::kBlocked:
      changed = ChangeState(
          tx, outbox, account_id, sim_id,
          {v1::SIM_STATE_BLOCKED, StateActor::kNetwork, "BLOCKED", Words(event), ""}, now);
      break;
    case HealthKind::kUnblocked:
      changed = LiftBlock(tx, outbox, account_id, sim_id, Words(event), now);
      break;
    case HealthKind::kUnauthorized:
      changed = ChangeState(
          tx, outbox, account_id, sim_id,
          {v1::SIM_STATE_PAUSED, StateActor::kNetwork, "UNAUTHORIZED", Words(event), ""}, now);
      break;
    case HealthKind::kWarning:
      NoteHistory(tx, account_id, sim_id, TimeOf(event, now), "WARNING", Words(event));
      break;
    case HealthKind::kQuality:
      return ApplyRating(tx, account_id, sim_id, event, now);
    case HealthKind::kLimits:
      return ApplyLimits(tx, account_id, sim_id, event, now);
    case HealthKind::kTemplate:
      break;
  }
  // Deleted meanwhile.
  if (absl::IsNotFound(changed.status())) return false;
  return changed;
}

}  // namespace mo::sims
