// What a load run measured, and its summary as JSON.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace mo::bench {

// Collects the latencies of one kind of request. Thread-safe.
class Latencies {
 public:
  void Add(absl::Duration latency);
  void AddError();
  size_t count() const;
  // {"count", "errors", "per_second", "p50_ms", "p90_ms", "p99_ms", "max_ms"} of a run that lasted
  // so long.
  std::string ToJson(absl::Duration elapsed) const;
  // The same, and begins anew.
  std::string Take(absl::Duration elapsed);

 private:
  std::string Json(absl::Duration elapsed) const;

  mutable std::mutex mutex_;
  std::vector<double> milliseconds_;
  int64_t errors_ = 0;
};

}  // namespace mo::bench
