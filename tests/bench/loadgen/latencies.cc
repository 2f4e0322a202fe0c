#include "tests/bench/loadgen/latencies.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace mo::bench {

void Latencies::Add(absl::Duration latency) {
  std::lock_guard lock(mutex_);
  milliseconds_.push_back(absl::ToDoubleMilliseconds(latency));
}

void Latencies::AddError() {
  std::lock_guard lock(mutex_);
  ++errors_;
}

size_t Latencies::count() const {
  std::lock_guard lock(mutex_);
  return milliseconds_.size();
}

std::string Latencies::ToJson(absl::Duration elapsed) const {
  std::lock_guard lock(mutex_);
  return Json(elapsed);
}

std::string Latencies::Take(absl::Duration elapsed) {
  std::lock_guard lock(mutex_);
  std::string json = Json(elapsed);
  milliseconds_.clear();
  errors_ = 0;
  return json;
}

std::string Latencies::Json(absl::Duration elapsed) const {
  std::vector<double> sorted = milliseconds_;
  std::sort(sorted.begin(), sorted.end());
  // Nearest rank: the smallest value that at least this share does not exceed.
  auto percentile = [&](size_t percent) {
    if (sorted.empty()) return 0.0;
    return sorted[std::max<size_t>(1, (sorted.size() * percent + 99) / 100) - 1];
  };
  return absl::StrFormat(
      R"({"count":%d,"errors":%d,"per_second":%.1f,"p50_ms":%.3f,"p90_ms":%.3f,"p99_ms":%.3f,)"
      R"("max_ms":%.3f})",
      sorted.size(), errors_, static_cast<double>(sorted.size()) / absl::ToDoubleSeconds(elapsed),
      percentile(50), percentile(90), percentile(99), percentile(100));
}

}  // namespace mo::bench
