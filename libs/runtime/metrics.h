// Prometheus metrics as members: build them in the constructor, use them without look-ups.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

namespace mo {

using MetricLabels = std::map<std::string, std::string>;

// The registry of a process. Names start with "mo_" and end with their unit (Prometheus naming
// conventions).
class Metrics {
 public:
  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const MetricLabels& labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const MetricLabels& labels = {});
  // Seconds, buckets from 0.5 ms to 10 s.
  prometheus::Histogram& Seconds(const std::string& name, const std::string& help,
                                 const MetricLabels& labels = {});
  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
};

}  // namespace mo
