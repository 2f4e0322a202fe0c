#include "services/links/target_cache.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mo::links {
namespace {

// Longer than any load takes; afterwards the redirect has loaded it anew anyway.
constexpr absl::Duration kRememberChanges = absl::Minutes(5);

}  // namespace

TargetPtr TargetCache::FindCode(absl::string_view code) {
  absl::MutexLock lock(&mutex_);
  if (auto found = young_codes_.find(code); found != young_codes_.end())
    return Outdated(*found->second) ? nullptr : found->second;
  const auto found = old_codes_.find(code);
  if (found == old_codes_.end() || Outdated(*found->second)) return nullptr;
  TargetPtr target = found->second;
  Add(code, target);
  return target;
}

TargetPtr TargetCache::FindNumber(int64_t number) {
  absl::MutexLock lock(&mutex_);
  TargetPtr target = InRange(young_numbers_, number);
  if (target == nullptr) {
    target = InRange(old_numbers_, number);
    if (target != nullptr) Add(number, target);
  }
  return target == nullptr || Outdated(*target) ? nullptr : target;
}

TargetPtr TargetCache::InRange(const Numbers& numbers, int64_t number) {
  auto above = numbers.upper_bound(number);
  if (above == numbers.begin()) return nullptr;
  const auto& [first, target] = *std::prev(above);
  return number - first < std::max<int64_t>(target->recipients, 1) ? target : nullptr;
}

void TargetCache::PutCode(absl::string_view code, TargetPtr target) {
  absl::MutexLock lock(&mutex_);
  Add(code, std::move(target));
}

void TargetCache::PutNumber(int64_t number, TargetPtr target) {
  absl::MutexLock lock(&mutex_);
  Add(number, std::move(target));
}

void TargetCache::Forget(int64_t link_id, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  absl::erase_if(changed_,
                 [&](const auto& entry) { return entry.second < now - kRememberChanges; });
  changed_[link_id] = now;
}

void TargetCache::Add(absl::string_view code, TargetPtr target) {
  if (young_codes_.size() >= half_) old_codes_ = std::exchange(young_codes_, {});
  young_codes_.insert_or_assign(std::string(code), std::move(target));
}

void TargetCache::Add(int64_t number, TargetPtr target) {
  if (young_numbers_.size() >= half_) old_numbers_ = std::exchange(young_numbers_, {});
  const int64_t first = target->recipients > 0 ? target->first_number : number;
  young_numbers_.insert_or_assign(first, std::move(target));
}

bool TargetCache::Outdated(const Target& target) const {
  if (changed_.empty()) return false;
  const auto found = changed_.find(target.link_id);
  return found != changed_.end() && found->second >= target.load_time;
}

}  // namespace mo::links
