#include "services/statistics/usage.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "services/statistics/prices.h"
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

// The prices that hold at a time, if there are any.
const v1::MessagePrices* PricesAt(const PricesByDay& prices, absl::Time time) {
  const auto next = prices.upper_bound(time);
  return next == prices.begin() ? nullptr : &std::prev(next)->second;
}

void AddCost(const v1::MessagePrices* prices, int64_t messages, v1::MessageUsage& usage) {
  if (prices == nullptr) return;
  for (const v1::MessagePrice& price : prices->prices()) {
    if (price.network() != usage.network() || price.message_class() != usage.message_class())
      continue;
    const auto found =
        std::find_if(usage.mutable_costs()->begin(), usage.mutable_costs()->end(),
                     [&](const v1::Cost& cost) { return cost.currency() == prices->currency(); });
    v1::Cost& cost = found == usage.mutable_costs()->end() ? *usage.add_costs() : *found;
    cost.set_currency(prices->currency());
    cost.set_micros(cost.micros() + messages * price.micros());
  }
}

v1::MessageUsage& UsageOf(v1::UsageMonth& month, const Sum& sum) {
  for (v1::MessageUsage& usage : *month.mutable_messages())
    if (usage.network() == sum.group && usage.message_class() == sum.kind) return usage;
  v1::MessageUsage& usage = *month.add_messages();
  usage.set_network(static_cast<common::Network>(sum.group));
  usage.set_message_class(static_cast<common::MessageClass>(sum.kind));
  return usage;
}

void AddSum(const Sum& sum, const v1::MessagePrices* prices, v1::UsageMonth& month) {
  if (sum.metric == Metric::kNewInMonth)
    month.set_active_contacts(month.active_contacts() + sum.value);
  if (sum.metric == Metric::kReceived) month.set_received(month.received() + sum.value);
  if (sum.metric != Metric::kSent) return;
  v1::MessageUsage& usage = UsageOf(month, sum);
  usage.set_messages(usage.messages() + sum.value);
  AddCost(prices, sum.value, usage);
}

// The months, cut where prices change.
Period Cut(const Period& months, const PricesByDay& prices) {
  Period parts = months;
  for (const auto& [day, price] : prices) {
    if (day <= months.from() || day >= months.to()) continue;
    parts.bounds.push_back(day);
    parts.resolution = Resolution::kDay;
  }
  std::sort(parts.bounds.begin(), parts.bounds.end());
  parts.bounds.erase(std::unique(parts.bounds.begin(), parts.bounds.end()), parts.bounds.end());
  return parts;
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
  MO_ASSIGN_OR_RETURN(const PricesByDay prices, SelectPrices(tx));
  const Period parts = Cut(months, prices);
  Query query;
  query.group_by = v1::GROUP_BY_NETWORK;
  query.metrics = {Metric::kActive, Metric::kNewInMonth, Metric::kReceived, Metric::kSent};
  MO_ASSIGN_OR_RETURN(const std::vector<Sum> sums, SelectSums(tx, query, parts));
  query.metrics = {Metric::kActive};
  MO_ASSIGN_OR_RETURN(const std::vector<Sum> before, SelectSumsBefore(tx, query, months.from()));
  v1::GetUsageResponse response;
  for (size_t i = 0; i + 1 < months.bounds.size(); ++i)
    *response.add_months()->mutable_start_time() = ToProto(months.bounds[i]);
  // Who is active when a month begins counts in it, and whoever becomes active for the first time
  // in it.
  std::vector<int64_t> active(months.bounds.size(), 0);
  for (const Sum& sum : sums) {
    const absl::Time start = parts.bounds[sum.interval];
    const size_t month = months.IndexOf(start);
    if (sum.metric == Metric::kActive) active[month + 1] += sum.value;
    AddSum(sum, PricesAt(prices, start), *response.mutable_months(static_cast<int>(month)));
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
  std::string csv =
      "month,active_contacts,received,network,message_class,messages,cost,currency\r\n";
  for (const v1::UsageMonth& month : usage.months()) {
    const std::string begin =
        absl::StrCat(absl::FormatTime("%Y-%m", FromProto(month.start_time()), absl::UTCTimeZone()),
                     ",", month.active_contacts(), ",", month.received(), ",");
    if (month.messages().empty()) absl::StrAppend(&csv, begin, ",,0,,\r\n");
    for (const v1::MessageUsage& messages : month.messages()) {
      const std::string what = absl::StrCat(
          begin, absl::StripPrefix(common::Network_Name(messages.network()), "NETWORK_"), ",",
          absl::StripPrefix(common::MessageClass_Name(messages.message_class()), "MESSAGE_CLASS_"),
          ",");
      if (messages.costs().empty()) absl::StrAppend(&csv, what, messages.messages(), ",,\r\n");
      // Several currencies in one month: a line for each, of which the first has the messages.
      for (int i = 0; i < messages.costs_size(); ++i) {
        const v1::Cost& cost = messages.costs(i);
        absl::StrAppend(&csv, what, i == 0 ? absl::StrCat(messages.messages()) : "");
        absl::StrAppendFormat(&csv, ",%.6f,%s\r\n", static_cast<double>(cost.micros()) / 1e6,
                              cost.currency());
      }
    }
  }
  return csv;
}

}  // namespace mo::statistics
