#include "services/sims/pace.h"

#include <algorithm>
#include <utility>

namespace mo::sims {
namespace {

constexpr double kCut = 0.75;        // of the rate that was refused
constexpr double kNear = 0.95;       // of the ceiling: from there on slowly
constexpr double kFastGrowth = 1.1;  // each second
constexpr double kSlowGrowth = 1.005;
constexpr double kSlowStep = 0.2;
constexpr double kCalmGrowth = 1.05;
constexpr absl::Duration kCalm = absl::Seconds(20);  // without a refusal
constexpr double kLeast = 1;                         // message per second
// Of what was taken in a second: less does not help against a provider that refuses at random.
constexpr double kFloor = 0.5;
constexpr double kForgetting = 0.99;
// So large a part of the calls refused: far too fast, and the rate is cut once more, by that part.
constexpr double kMany = 0.1;
constexpr double kMostCut = 0.25;  // of the rate, at once
// So large a part is no chance: what was taken before is no measure any more.
constexpr double kTooMany = 0.5;
constexpr int kEnough = 20;  // refusals, to tell that
// Where nobody limits the rate, and little was sent before the first refusal.
constexpr double kUnmeasured = 10;
// Refusals of what was sent before the cut come in for a while.
constexpr absl::Duration kBetweenCuts = absl::Seconds(1);
constexpr absl::Duration kAnswered = absl::Milliseconds(300);  // then they have
constexpr absl::Duration kSecond = absl::Seconds(1);
constexpr size_t kManyAddresses = 10000;
// How much an answer counts among the last ones, which share of them makes a SIM wait, and what is
// left of it when it has waited: then a few refusals are enough.
constexpr double kAnswerWeight = 0.1;
constexpr double kMostRefused = 0.8;
constexpr double kAfterWait = 0.6;

}  // namespace

void Pace::SetLimit(double limit) {
  if (limit_ == limit && rate_ != 0) return;
  limit_ = limit;
  rate_ = ceiling_ > 0 && (limit == 0 || kNear * ceiling_ < limit) ? kNear * ceiling_ : limit;
}

bool Pace::MostRefused(bool refused) {
  refused_share_ += kAnswerWeight * ((refused ? 1 : 0) - refused_share_);
  if (refused_share_ < kMostRefused) return false;
  refused_share_ = kAfterWait;
  return true;
}

void Pace::Accepted(absl::Time now) {
  MostRefused(false);
  if (now - second_ >= kSecond) {
    best_ = std::max<double>(best_ * kForgetting, taken_);
    taken_ = 0;
    second_ = now;
  }
  ++taken_;
  taken_since_ += now - cut_time_ >= kAnswered;
}

void Pace::Refused(const Consequence& consequence, absl::string_view address, absl::Duration pause,
                   absl::Time now) {
  const absl::Time until = now + pause;
  if (consequence.waits == Waits::kContact) {
    if (addresses_.size() >= kManyAddresses)
      absl::erase_if(addresses_, [&](const auto& entry) { return entry.second <= now; });
    absl::Time& wait = addresses_[address];
    wait = std::max(wait, until);
  }
  // A SIM that is refused altogether cannot go on; one that is too fast is slowed down first.
  const bool slows = consequence.sim == SimFate::kSlowDown;
  if (consequence.waits == Waits::kSim && (!slows || MostRefused(true)))
    sim_until_ = std::max(sim_until_, until);
  if (consequence.waits == Waits::kCampaigns) bulk_until_ = std::max(bulk_until_, until);
  if (consequence.sim != SimFate::kSlowDown) return;
  refused_since_ += now - cut_time_ >= kAnswered;
  if (now - cut_time_ < kBetweenCuts) return;
  ceiling_ = rate_ > 0 ? rate_ : std::max({kUnmeasured, best_, static_cast<double>(taken_)});
  Cut(kCut * ceiling_, now);
}

void Pace::Cut(double rate, absl::Time now) {
  rate_ = std::max({kLeast, kFloor * best_, rate});
  cut_time_ = grow_time_ = now;
  taken_since_ = refused_since_ = 0;
}

bool Pace::Tick(absl::Time now) {
  if (ceiling_ == 0 || now - grow_time_ < kSecond || SimWaits(now)) return false;
  const absl::Time grow_time = std::exchange(grow_time_, now);
  const double refused = refused_since_ / std::max(1.0, taken_since_ + refused_since_ * 1.0);
  if (refused > kMany) {
    if (refused > kTooMany && refused_since_ >= kEnough) best_ = taken_ = 0;
    // What was taken, the time in which the SIM waited included: the provider counts on then. Never
    // so little that coming back would take long.
    const absl::Duration counted = now - std::max(grow_time, cut_time_ + kAnswered);
    const double sent = taken_since_ / absl::ToDoubleSeconds(counted);
    const bool waited = sim_until_ > grow_time;
    ceiling_ = std::clamp(waited ? 2 * sent : sent, kMostCut * rate_, rate_);
    Cut(std::max(kMostCut * rate_, std::min((1 - refused) * rate_, sent)), now);
    return true;
  }
  taken_since_ = refused_since_ = 0;
  const double near = kNear * ceiling_;
  double grown = std::max(rate_ + kSlowStep, rate_ * kSlowGrowth);
  if (rate_ < near) grown = std::min(near, std::max(rate_ + 1, rate_ * kFastGrowth));
  if (now - cut_time_ > kCalm) grown = std::max(grown, rate_ * kCalmGrowth);
  const double before = rate_;
  rate_ = limit_ > 0 ? std::min(limit_, grown) : grown;
  return rate_ != before;
}

absl::Time Pace::AddressUntil(absl::string_view address, absl::Time now) const {
  if (addresses_.empty()) return absl::InfinitePast();
  const auto found = addresses_.find(address);
  return found == addresses_.end() || found->second <= now ? absl::InfinitePast() : found->second;
}

}  // namespace mo::sims
