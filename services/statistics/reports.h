// What the statistics are: which field of an answer is made of which metrics.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "messageorganizer/statistics/v1/statistics.pb.h"
#include "services/statistics/metric.h"

namespace mo::statistics {

namespace v1 = messageorganizer::statistics::v1;

// How a field's value comes about.
enum class Measure {
  kSum,       // of `metrics`, less those of `less`
  kLevel,     // the same, of all time up to the interval's end
  kRatio,     // the sum of `metrics` by that of `less`
  kQuantile,  // of durations: `metrics` has their buckets
};

// A field of an interval.
struct Field {
  const char* name;
  Measure measure;
  std::vector<Metric> metrics;
  std::vector<Metric> less = {};
  int32_t kind = -1;  // only of this kind; -1: of all
  double share = 0;   // of kQuantile
};

// One statistic.
struct Report {
  const char* name;  // in its path
  std::vector<Field> fields;
  std::vector<v1::GroupBy> groups;
  // Of these alone by SOURCE; empty: of all.
  std::vector<Metric> with_source = {};

  // The metrics of its fields that are kept apart so; levels are those of kLevel.
  std::vector<Metric> Metrics(bool levels, v1::GroupBy group_by) const;
  bool Has(v1::GroupBy group) const;
};

// The statistic of that name, or nullptr.
const Report* FindReport(absl::string_view name);

// How a group is called: an id, a network, where something comes from. `metric`: what it is kept
// for.
std::string GroupName(v1::GroupBy group_by, int64_t group, Metric metric);

}  // namespace mo::statistics
