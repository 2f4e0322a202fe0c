#include "services/sims/sim_limits.h"

#include <algorithm>
#include <cmath>

#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"

namespace mo::sims {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr int32_t kDefaultFirstDay = 50, kDefaultGrowth = 100, kDefaultDays = 14;
// Beyond any network's; the growth must not leave the numbers' range.
constexpr double kMostRecipients = 1e9;
// What a SIM counts as that nobody limits, when it is to be slower than that: messages per second,
// about what the networks with a limit allow (WhatsApp 80, Telegram 30, Messenger 300).
constexpr double kUnlimitedRate = 100;

int64_t DayOf(const WarmUp& warm_up, absl::Time now) {
  return std::max<int64_t>(0, (now - warm_up.start) / kDay);
}

bool Runs(const WarmUp& warm_up, absl::Time now) {
  return warm_up.first_day > 0 && DayOf(warm_up, now) < warm_up.days;
}

}  // namespace

int64_t WarmUp::RecipientsAt(absl::Time now) const {
  if (!Runs(*this, now)) return 0;
  const double factor =
      std::pow(1 + growth_percent / 100.0, static_cast<double>(DayOf(*this, now)));
  // Rounded first: 50 × 1.1² is 60.5 and a little more or less.
  return static_cast<int64_t>(std::floor(std::min(kMostRecipients, first_day * factor) + 1e-6));
}

absl::Time WarmUp::NextDay(absl::Time now) const {
  if (!Runs(*this, now)) return absl::InfiniteFuture();
  return start + (DayOf(*this, now) + 1) * kDay;
}

absl::Status SetWarmUp(const WarmUp& current, absl::Time now, v1::WarmUp& warm_up) {
  const auto complete = [](int32_t value, int32_t otherwise) {
    return value == 0 ? otherwise : value;
  };
  WarmUp next{complete(warm_up.first_day_recipients(), kDefaultFirstDay),
              complete(warm_up.growth_percent(), kDefaultGrowth),
              complete(warm_up.days(), kDefaultDays), now};
  Problems problems;
  if (next.first_day < 0)
    problems.Add("sim.warm_up.first_day_recipients", "OUT_OF_RANGE", "must be 1 to 100000");
  if (next.growth_percent < 0)
    problems.Add("sim.warm_up.growth_percent", "OUT_OF_RANGE", "must be 1 to 1000");
  if (next.days < 0) problems.Add("sim.warm_up.days", "OUT_OF_RANGE", "must be 1 to 90");
  const bool same = next.first_day == current.first_day && next.days == current.days &&
                    next.growth_percent == current.growth_percent;
  if (same || Runs(current, now)) next.start = current.start;
  warm_up = ShowWarmUp(next, now);
  return problems.ToStatus();
}

WarmUp ReadWarmUp(const v1::WarmUp& warm_up) {
  return {warm_up.first_day_recipients(), warm_up.growth_percent(), warm_up.days(),
          warm_up.has_start_time() ? FromProto(warm_up.start_time()) : absl::InfinitePast()};
}

v1::WarmUp ShowWarmUp(const WarmUp& warm_up, absl::Time now) {
  v1::WarmUp shown;
  shown.set_first_day_recipients(warm_up.first_day);
  shown.set_growth_percent(warm_up.growth_percent);
  shown.set_days(warm_up.days);
  *shown.mutable_start_time() = ToProto(warm_up.start);
  shown.set_recipients_today(warm_up.RecipientsAt(now));
  return shown;
}

double SimLimits::Rate(double network) const {
  const double whole = messages_per_second > 0 ? messages_per_second : network;
  if (speed >= 1) return whole;
  return speed * (whole > 0 ? whole : kUnlimitedRate);
}

WindowLimit SimLimits::AsLimit(double rate) {
  if (rate <= 0) return {};
  if (rate >= 1) return {static_cast<int64_t>(rate), absl::Seconds(1)};
  return {1, absl::Seconds(1) / rate};
}

int64_t SimLimits::RecipientsAt(absl::Time now) const {
  const int64_t today = warm_up.RecipientsAt(now);
  if (today == 0 || recipients_per_day == 0) return std::max(today, recipients_per_day);
  return std::min(today, recipients_per_day);
}

SimLimits ReadSimLimits(const storage::Row& row, int first) {
  SimLimits limits;
  limits.messages_per_second = static_cast<int>(row.Int(first));
  limits.speed = row.Get<double>(first + 1);
  limits.recipients_per_day = row.Int(first + 2);
  limits.warm_up = {static_cast<int32_t>(row.Int(first + 3)),
                    static_cast<int32_t>(row.Int(first + 4)),
                    static_cast<int32_t>(row.Int(first + 5)), row.Time(first + 6)};
  return limits;
}

}  // namespace mo::sims
