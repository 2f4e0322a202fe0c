// Targets in memory.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "services/links/target.h"

namespace mo::links {

// The targets that were asked for lately, those that nobody asks for first to go: two generations
// of half the size each; what is found in the older one moves to the younger one. Thread-safe.
class TargetCache {
 public:
  // Holds at most `size` targets by code and as many by number.
  explicit TargetCache(size_t size) : half_(size / 2 + 1) {}

  // Null when it is not here. The target of a link that was changed after it was loaded is not
  // here.
  TargetPtr FindCode(absl::string_view code);
  TargetPtr FindNumber(int64_t number);
  void PutCode(absl::string_view code, TargetPtr target);
  // A target without recipients (there is none) stands for this number alone.
  void PutNumber(int64_t number, TargetPtr target);
  // The link was changed now.
  void Forget(int64_t link_id, absl::Time now);

 private:
  using Codes = absl::flat_hash_map<std::string, TargetPtr>;
  using Numbers = absl::btree_map<int64_t, TargetPtr>;  // by the first number

  static TargetPtr InRange(const Numbers& numbers, int64_t number);
  void Add(absl::string_view code, TargetPtr target) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(int64_t number, TargetPtr target) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Outdated(const Target& target) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const size_t half_;
  absl::Mutex mutex_;
  Codes young_codes_ ABSL_GUARDED_BY(mutex_), old_codes_ ABSL_GUARDED_BY(mutex_);
  Numbers young_numbers_ ABSL_GUARDED_BY(mutex_), old_numbers_ ABSL_GUARDED_BY(mutex_);
  // Links that were changed of late, and when.
  absl::flat_hash_map<int64_t, absl::Time> changed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::links
