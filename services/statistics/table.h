// Sums become the intervals of an answer.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/statistics/query.h"
#include "services/statistics/reports.h"

namespace mo::statistics {

// One statistic over one period.
class Table {
 public:
  Table(const Report& report, v1::GroupBy group_by, const Period& period)
      : report_(report), group_by_(group_by), period_(period) {}

  // Sums of intervals, and those of everything before the period of which levels are made.
  void Add(const std::vector<Sum>& sums, const std::vector<Sum>& before);
  // Adds a message to the repeated field for every interval and group with anything in it. Fails
  // with TOO_MANY_GROUPS beyond 50,000 of them.
  absl::Status Fill(google::protobuf::Message& response, const char* intervals) const;
  // Fills the message with the whole.
  void FillTotal(google::protobuf::Message& total) const;

 private:
  // Values by metric and kind.
  using Cell = std::map<std::pair<Metric, int32_t>, int64_t>;

  void AddLine(size_t interval, int64_t group, Metric metric, const Cell& sums, const Cell& levels,
               google::protobuf::Message& response,
               const google::protobuf::FieldDescriptor* lines) const;
  void FillLine(const Cell& sums, const Cell& levels, google::protobuf::Message& line) const;
  double ValueOf(const Field& field, const Cell& sums, const Cell& levels) const;

  const Report& report_;
  const v1::GroupBy group_by_;
  const Period& period_;
  std::map<std::pair<size_t, int64_t>, Cell> cells_;  // by interval and group
  std::map<int64_t, Cell> before_;                    // by group
  std::map<int64_t, Metric> groups_;                  // with a metric that it has
};

// A response's intervals as CSV (RFC 4180), with a line of their names; times are the zone's. The
// intervals of the period before come first, if they were asked for.
std::string CsvOf(const google::protobuf::Message& response, absl::TimeZone zone);

}  // namespace mo::statistics
