#include "services/statistics/usage.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "services/statistics/query.h"

namespace mo::statistics {
namespace {

namespace common = messageorganizer::common::v1;

constexpr size_t kMaxMonths = 60;

int64_t Total(const std::vector<Sum>& sums) {
  int64_t total = 0;
  for (const Sum& sum : sums) total += sum.value;
  return total;
}

void AddSum(const Sum& sum, v1::UsageMonth& month) {
  if (sum.metric == Metric::kNewInMonth)
    month.set_active_contacts(month.active_contacts() + sum.value);
  if (sum.metric == Metric::kReceived) month.set_received(month.received() + sum.value);
  if (sum.metric != Metric::kSent) return;
  v1::MessageUsage& usage = *month.add_messages();
  usage.set_network(static_cast<common::Network>(sum.group));
  usage.set_message_class(static_cast<common::MessageClass>(sum.kind));
  usage.set_messages(sum.value);
}

}  // namespace

absl::StatusOr<Period> MonthsOf(const Asked& asked, absl::Time now) {
  Asked months = asked;
  months.step = v1::STEP_MONTH;
  const absl::Time end = asked.to == absl::InfiniteFuture() ? now : asked.to;
  if (asked.from == absl::InfinitePast()) months.from = end - absl::Nanoseconds(1);
  MO_ASSIGN_OR_RETURN(Period period, PeriodOf(months, now));
  if (period.bounds.size() > kMaxMonths + 1)
    return InvalidField("from", "TOO_MANY_INTERVALS", "at most 60 months up to to");
  return period;
}

absl::StatusOr<v1::GetUsageResponse> SelectUsage(storage::Transaction& tx, const Period& months) {
  Query query;
  query.group_by = v1::GROUP_BY_NETWORK;
  query.metrics = {Metric::kActive, Metric::kNewInMonth, Metric::kReceived, Metric::kSent};
  MO_ASSIGN_OR_RETURN(const std::vector<Sum> sums, SelectSums(tx, query, months));
  query.metrics = {Metric::kActive};
  MO_ASSIGN_OR_RETURN(const std::vector<Sum> before,
                      SelectSumsBefore(tx, query, months.from(), months.resolution));
  v1::GetUsageResponse response;
  for (size_t i = 0; i + 1 < months.bounds.size(); ++i)
    *response.add_months()->mutable_start_time() = ToProto(months.bounds[i]);
  // Who is active when a month begins counts in it, and whoever becomes active for the first time
  // in it.
  std::vector<int64_t> active(months.bounds.size(), 0);
  for (const Sum& sum : sums) {
    if (sum.metric == Metric::kActive) active[sum.interval + 1] += sum.value;
    AddSum(sum, *response.mutable_months(static_cast<int>(sum.interval)));
  }
  int64_t level = Total(before);
  for (int i = 0; i < response.months_size(); ++i) {
    level += active[static_cast<size_t>(i)];
    v1::UsageMonth& month = *response.mutable_months(i);
    month.set_active_contacts(month.active_contacts() + level);
  }
  return response;
}

std::string UsageCsv(const v1::GetUsageResponse& usage) {
  std::string csv = "month,active_contacts,received,network,message_class,messages\r\n";
  for (const v1::UsageMonth& month : usage.months()) {
    const std::string begin =
        absl::StrCat(absl::FormatTime("%Y-%m", FromProto(month.start_time()), absl::UTCTimeZone()),
                     ",", month.active_contacts(), ",", month.received(), ",");
    if (month.messages().empty()) absl::StrAppend(&csv, begin, ",,0\r\n");
    for (const v1::MessageUsage& messages : month.messages()) {
      absl::StrAppend(
          &csv, begin, absl::StripPrefix(common::Network_Name(messages.network()), "NETWORK_"), ",",
          absl::StripPrefix(common::MessageClass_Name(messages.message_class()), "MESSAGE_CLASS_"),
          ",", messages.messages(), "\r\n");
    }
  }
  return csv;
}

}  // namespace mo::statistics
