#include "services/sims/drivers/consequences.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mo::sims {
namespace {

namespace common = messageorganizer::common::v1;
using enum ErrorClass;

constexpr int kForever = 1 << 30;  // until the message expires
constexpr auto kNoReason = common::DELIVERY_REASON_UNSPECIFIED;
constexpr auto kProvider = common::DELIVERY_REASON_PROVIDER;
constexpr auto kAddress = common::DELIVERY_REASON_ADDRESS_INVALID;
constexpr auto kRefused = common::DELIVERY_REASON_MESSAGE_REFUSED;

// In the order of the classes. PROTOCOLS.md §1.2, §2.4, §3.3, §4.
const std::array<Consequence, kErrorClasses>& Table() {
  const absl::Duration none = absl::ZeroDuration(), second = absl::Seconds(1),
                       minute = absl::Minutes(1), hour = absl::Hours(1);
  static const std::array<Consequence, kErrorClasses> table = {{
      {kNone, "none", MessageFate::kDone, kNoReason, Waits::kNobody, SimFate::kNothing,
       ContactFate::kNothing, none, 1, none, 1},
      {kRetry, "retry", MessageFate::kRetry, kProvider, Waits::kNobody, SimFate::kNothing,
       ContactFate::kNothing, second, 2, 5 * minute, 12},
      {kUnknownOutcome, "unknown_outcome", MessageFate::kUncertain, kNoReason, Waits::kNobody,
       SimFate::kNothing, ContactFate::kNothing, none, 1, none, 1},
      {kThrottled, "throttled", MessageFate::kRetry, kProvider, Waits::kSim, SimFate::kSlowDown,
       ContactFate::kNothing, second / 2, 1.5, minute, kForever},
      // Meta's advice: 4^n seconds.
      {kPairThrottled, "pair_throttled", MessageFate::kRetry, kProvider, Waits::kContact,
       SimFate::kNothing, ContactFate::kNothing, 4 * second, 4, 20 * minute, 8},
      {kCampaignsFrozen, "campaigns_frozen", MessageFate::kRetry, kProvider, Waits::kCampaigns,
       SimFate::kFreezeBulk, ContactFate::kNothing, hour, 2, 24 * hour, 5},
      {kRecipientGone, "recipient_gone", MessageFate::kFail, kAddress, Waits::kNobody,
       SimFate::kNothing, ContactFate::kCountUnreachable, none, 1, none, 1},
      {kRecipientLater, "recipient_later", MessageFate::kFail, kProvider, Waits::kNobody,
       SimFate::kNothing, ContactFate::kNothing, none, 1, none, 1},
      {kOptedOut, "opted_out", MessageFate::kFail, common::DELIVERY_REASON_BLOCKED, Waits::kNobody,
       SimFate::kNothing, ContactFate::kOptOut, none, 1, none, 1},
      {kRecipientMoved, "recipient_moved", MessageFate::kRedirect, kAddress, Waits::kNobody,
       SimFate::kNothing, ContactFate::kMove, none, 1, none, 3},
      {kWindowClosed, "window_closed", MessageFate::kFail, common::DELIVERY_REASON_WINDOW_CLOSED,
       Waits::kNobody, SimFate::kNothing, ContactFate::kCloseWindow, none, 1, none, 1},
      {kMessageRefused, "message_refused", MessageFate::kFail, kRefused, Waits::kNobody,
       SimFate::kNothing, ContactFate::kNothing, none, 1, none, 1},
      {kTemplateRefused, "template_refused", MessageFate::kFail, kRefused, Waits::kNobody,
       SimFate::kNothing, ContactFate::kNothing, none, 1, none, 1},
      {kMediaRetry, "media_retry", MessageFate::kRetry, kRefused, Waits::kNobody, SimFate::kNothing,
       ContactFate::kNothing, 5 * second, 4, 5 * minute, 4},
      {kMediaRefused, "media_refused", MessageFate::kFail, kRefused, Waits::kNobody,
       SimFate::kNothing, ContactFate::kNothing, none, 1, none, 1},
      {kGroupGone, "group_gone", MessageFate::kFail, kAddress, Waits::kNobody, SimFate::kNothing,
       ContactFate::kNothing, none, 1, none, 1},
      {kGroupRefused, "group_refused", MessageFate::kFail, kRefused, Waits::kNobody,
       SimFate::kNothing, ContactFate::kNothing, none, 1, none, 1},
      // What the SIM cannot send now waits for whoever mends it, until it expires.
      {kSimUnauthorized, "sim_unauthorized", MessageFate::kRetry, kProvider, Waits::kSim,
       SimFate::kPause, ContactFate::kNothing, minute, 2, hour, kForever},
      {kSimMisconfigured, "sim_misconfigured", MessageFate::kRetry, kProvider, Waits::kSim,
       SimFate::kPause, ContactFate::kNothing, minute, 2, hour, kForever},
      {kSimBlocked, "sim_blocked", MessageFate::kRetry, kProvider, Waits::kSim, SimFate::kBlock,
       ContactFate::kNothing, minute, 2, hour, kForever},
  }};
  return table;
}

}  // namespace

const Consequence& ConsequenceOf(ErrorClass error) { return Table()[static_cast<size_t>(error)]; }

absl::Duration BackOff(const Consequence& consequence, int attempt, absl::Duration retry_after,
                       double jitter) {
  absl::Duration pause = retry_after;
  if (pause <= absl::ZeroDuration()) {
    pause = std::min(consequence.longest,
                     consequence.first * std::pow(consequence.factor, std::max(0, attempt - 1)));
  }
  return pause * (1 + 0.25 * std::clamp(jitter, 0.0, 1.0));
}

}  // namespace mo::sims
