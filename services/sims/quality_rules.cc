#include "services/sims/quality_rules.h"

#include "absl/strings/str_format.h"

namespace mo::sims {
namespace {

// No network publishes the thresholds of its own rating. These are ours, on the careful side of
// what senders report: a few recipients of a hundred who block a sender cost it its good rating.

// Below this, one unlucky recipient more or less would decide.
constexpr int64_t kEnough = 50;
// This share of blocks, and at least so many of them: sending on does harm that no pause mends.
constexpr double kPauseBlocked = 0.10;
constexpr int64_t kPauseLeast = 10;
// From here on slower. Errors weigh less: a list with old numbers is no spam, but networks look at
// it like that.
constexpr double kSlowBlocked = 0.02;
constexpr int64_t kSlowLeast = 3;
constexpr double kSlowFailed = 0.20;
// Below this faster again, so that it does not swing to and fro about one threshold.
constexpr double kGoodBlocked = 0.01;
constexpr double kGoodFailed = 0.10;
// A step up needs good results for so long.
constexpr absl::Duration kProof = absl::Minutes(15);
// What is neither good nor bad is forgotten after this, so that a change shows.
constexpr absl::Duration kMemory = absl::Hours(1);
// With too few messages to judge, a slow SIM is given another chance after this.
constexpr absl::Duration kPatienceWithFew = absl::Hours(6);
// A block costs as much of the score as so many errors.
constexpr double kBlockWeight = 10;

bool WasTaken(common::DeliveryState state) {
  return state == common::DELIVERY_STATE_ACCEPTED || state == common::DELIVERY_STATE_SENT ||
         state == common::DELIVERY_STATE_DELIVERED || state == common::DELIVERY_STATE_READ;
}

int64_t& FailureIn(QualityCounts& counts, common::DeliveryReason reason) {
  switch (reason) {
    case common::DELIVERY_REASON_BLOCKED:
      return counts.blocked;
    case common::DELIVERY_REASON_PROVIDER:
    case common::DELIVERY_REASON_ADDRESS_INVALID:
    case common::DELIVERY_REASON_UNSPECIFIED:
      return counts.failed;
    default:
      return counts.refused;
  }
}

double Share(int64_t part, const QualityCounts& counts) {
  return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, counts.judged()));
}

}  // namespace

void CountTransition(const Standing& before, const Standing& next, QualityCounts& counts) {
  if (next.state == common::DELIVERY_STATE_FAILED) {
    if (WasTaken(before.state)) --counts.accepted;
    ++FailureIn(counts, next.reason);
  } else if (WasTaken(next.state) && !WasTaken(before.state)) {
    ++counts.accepted;
    if (before.state == common::DELIVERY_STATE_FAILED) --FailureIn(counts, before.reason);
  }
}

double ScoreOf(const QualityCounts& counts) {
  if (counts.judged() < kEnough) return 1;
  const double lost = Share(counts.failed, counts) + kBlockWeight * Share(counts.blocked, counts);
  return std::clamp(1 - lost, 0.0, 1.0);
}

Verdict Judge(const QualityCounts& since, absl::Duration age, double speed, bool red) {
  const double blocked = Share(since.blocked, since), failed = Share(since.failed, since);
  Verdict verdict;
  verdict.speed = speed;
  verdict.detail = absl::StrFormat(
      "of %d messages %.1f %% were refused by recipients who have blocked the SIM, "
      "%.1f %% failed",
      since.judged(), 100 * blocked, 100 * failed);
  if (since.judged() < kEnough) {
    if (age < kPatienceWithFew) return verdict;
    verdict.forget = true;
    verdict.speed = Faster(speed, red);
    verdict.detail = absl::StrFormat("only %d messages in %d hours: too few to judge",
                                     since.judged(), absl::ToInt64Hours(age));
  } else if (blocked >= kPauseBlocked && since.blocked >= kPauseLeast) {
    verdict.kind = Verdict::Kind::kPause;
    verdict.forget = true;
    return verdict;
  } else if ((blocked >= kSlowBlocked && since.blocked >= kSlowLeast) || failed >= kSlowFailed) {
    verdict.speed = Slower(speed);
    // At the slowest it is measured on, for an hour at a time.
    verdict.forget = verdict.speed < speed || age >= kMemory;
  } else if (blocked < kGoodBlocked && failed < kGoodFailed && speed < 1) {
    if (age >= kProof) verdict.speed = Faster(speed, red);
    verdict.forget = verdict.speed != speed || age >= kMemory;
  } else {
    verdict.forget = age >= kMemory;
  }
  if (verdict.speed < speed) verdict.kind = Verdict::Kind::kSlowDown;
  if (verdict.speed > speed) verdict.kind = Verdict::Kind::kSpeedUp;
  verdict.speed = verdict.kind == Verdict::Kind::kNothing ? speed : verdict.speed;
  return verdict;
}

}  // namespace mo::sims
