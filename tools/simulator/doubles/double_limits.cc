// What a provider allows: so many messages, and to whom.
#include <algorithm>

#include "tools/simulator/doubles/double.h"

namespace mo::simulator {

bool Double::TakeFrom(Bucket& bucket, double per_second, double burst, int64_t now_ms) {
  if (bucket.ms == 0) bucket.tokens = burst;
  const double gained = static_cast<double>(now_ms - bucket.ms) * per_second / 1000;
  if (bucket.ms != 0) bucket.tokens = std::min(burst, bucket.tokens + gained);
  bucket.ms = now_ms;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

Double::Rate Double::Take(Phone& phone) {
  const ProviderLimits& limits = settings_.limits;
  const int64_t now_ms = NowMs();
  const bool group = phone.flags.load() & Phone::kGroup;
  if (group && limits.group_messages_per_minute > 0 &&
      !TakeFrom(group_buckets_[phone.id], limits.group_messages_per_minute / 60,
                limits.group_messages_per_minute, now_ms)) {
    ++counts_.throttled;
    return Rate::kGroup;
  }
  if (!group && limits.pair_interval_ms > 0) {
    Contact& contact = contacts_[phone.id];
    Bucket bucket{contact.tokens, contact.tokens < 0 ? 0 : contact.tokens_ms};
    const bool taken = TakeFrom(bucket, 1000.0 / static_cast<double>(limits.pair_interval_ms),
                                limits.pair_burst, now_ms);
    contact.tokens = bucket.tokens;
    contact.tokens_ms = bucket.ms;
    if (!taken) {
      ++counts_.throttled;
      return Rate::kPair;
    }
  }
  if (limits.messages_per_second > 0 &&
      !TakeFrom(sim_bucket_, limits.messages_per_second, limits.messages_per_second, now_ms)) {
    ++counts_.throttled;
    return Rate::kSim;
  }
  return Rate::kFine;
}

int64_t Double::RetryMs(Rate rate) const {
  switch (rate) {
    case Rate::kPair:
      return settings_.limits.pair_interval_ms;
    case Rate::kGroup:
      return static_cast<int64_t>(60'000 / settings_.limits.group_messages_per_minute);
    default:
      return 1000;
  }
}

bool Double::WindowOpen(const Phone& phone) const {
  if (settings_.limits.window_ms == 0 || phone.flags.load() & Phone::kGroup) return true;
  const auto contact = contacts_.find(phone.id);
  return contact != contacts_.end() && contact->second.written_ms >= 0 &&
         NowMs() - contact->second.written_ms < settings_.limits.window_ms;
}

}  // namespace mo::simulator
