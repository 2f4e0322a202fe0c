#include "services/sims/pace.h"

#include <algorithm>

namespace mo::sims {
namespace {

constexpr double kCut = 0.8;         // of the rate that was refused
constexpr double kNear = 0.95;       // of the ceiling: from there on slowly
constexpr double kFastGrowth = 1.1;  // each second
constexpr double kSlowGrowth = 1.005;
constexpr double kCalmGrowth = 1.05;
constexpr absl::Duration kCalm = absl::Seconds(20);  // without a refusal
constexpr double kLeast = 1;                         // message per second
// Of what was taken in a second: less does not help against a provider that refuses at random.
constexpr double kFloor = 0.5;
constexpr double kForgetting = 0.99;
// So large a part of the calls refused: far too fast, and the rate is cut once more.
constexpr double kMany = 0.35;
constexpr double kHardCut = 0.6;
// Where nobody limits the rate, and little was sent before the first refusal.
constexpr double kUnmeasured = 10;
// Refusals of what was sent before the cut come in for a while.
constexpr absl::Duration kBetweenCuts = absl::Seconds(1);
constexpr absl::Duration kSecond = absl::Seconds(1);
constexpr size_t kManyAddresses = 10000;

}  // namespace

void Pace::SetLimit(double limit) {
  if (limit_ == limit && rate_ != 0) return;
  limit_ = limit;
  rate_ = ceiling_ > 0 && (limit == 0 || kNear * ceiling_ < limit) ? kNear * ceiling_ : limit;
}

void Pace::Accepted(absl::Time now) {
  if (now - second_ >= kSecond) {
    best_ = std::max<double>(best_ * kForgetting, taken_);
    taken_ = 0;
    second_ = now;
  }
  ++taken_;
  ++taken_since_;
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
  if (consequence.waits == Waits::kSim) sim_until_ = std::max(sim_until_, until);
  if (consequence.waits == Waits::kCampaigns) bulk_until_ = std::max(bulk_until_, until);
  if (consequence.sim != SimFate::kSlowDown) return;
  ++refused_since_;
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
  if (ceiling_ == 0 || now - grow_time_ < kSecond) return false;
  grow_time_ = now;
  if (refused_since_ > kMany * (taken_since_ + refused_since_)) {
    ceiling_ = rate_;
    Cut(kHardCut * rate_, now);
    return true;
  }
  taken_since_ = refused_since_ = 0;
  const double near = kNear * ceiling_;
  double grown = std::max(rate_ + 1, rate_ * kSlowGrowth);
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
