#include "services/statistics/reports.h"

#include <algorithm>

#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"

namespace mo::statistics {
namespace {

namespace common = messageorganizer::common::v1;

using M = Metric;
using enum Measure;

const std::vector<Report>& Reports() {
  constexpr v1::GroupBy kNetwork = v1::GROUP_BY_NETWORK, kSim = v1::GROUP_BY_SIM,
                        kChannel = v1::GROUP_BY_CHANNEL, kBroadcast = v1::GROUP_BY_BROADCAST,
                        kLink = v1::GROUP_BY_LINK, kSource = v1::GROUP_BY_SOURCE;
  static const auto& reports = *new std::vector<Report>{
      {"subscribers",
       {{"registered", kSum, {M::kRegistered}},
        {"activated", kSum, {M::kActivated}},
        {"stopped", kSum, {M::kStopped}},
        {"subscribed", kSum, {M::kSubscribed}},
        {"unsubscribed", kSum, {M::kUnsubscribed}},
        {"active", kLevel, {M::kActive}}},
       {kNetwork, kSim, kChannel, kSource},
       {M::kRegistered, M::kActivated, M::kStopped}},
      {"traffic",
       {{"received", kSum, {M::kReceived}},
        {"created", kSum, {M::kCreated}},
        {"agent_messages", kSum, {M::kCreated}, {}, kAgent}},
       {kNetwork, kSim, kSource}},
      {"signups",
       {{"signups", kSum, {M::kRegistered}},
        {"signups", kSum, {M::kActivated}, {}, kMessage},
        {"confirmed", kSum, {M::kActivated}},
        {"stopped", kSum, {M::kStopped}}},
       {kNetwork, kSim, kSource}},
      {"deliveries",
       {{"submitted", kSum, {M::kSubmitted}},
        {"sent", kSum, {M::kSent}},
        {"delivered", kSum, {M::kDelivered}},
        {"read", kSum, {M::kRead}},
        {"failed", kSum, {M::kFailed}},
        {"skipped", kSum, {M::kSkipped}},
        {"uncertain", kSum, {M::kUncertain}},
        {"delivery_seconds", kRatio, {M::kDeliveredSeconds}, {M::kDeliveredAges}},
        {"delivery_seconds_p50", kQuantile, {M::kDeliveredAges}, {}, -1, 0.5},
        {"delivery_seconds_p95", kQuantile, {M::kDeliveredAges}, {}, -1, 0.95},
        {"read_seconds", kRatio, {M::kReadSeconds}, {M::kReadAges}},
        {"read_seconds_p50", kQuantile, {M::kReadAges}, {}, -1, 0.5}},
       {kNetwork, kSim, kChannel, kBroadcast, kSource},
       {M::kFailed, M::kSkipped}},
      {"occupancy",
       {{"occupancy", kLevel, {M::kOccupancy}}, {"capacity", kLevel, {M::kCapacity}}},
       {kNetwork, kSim}},
      {"channels",
       {{"subscribers", kLevel, {M::kSubscribed}, {M::kUnsubscribed}},
        {"subscribed", kSum, {M::kSubscribed}},
        {"unsubscribed", kSum, {M::kUnsubscribed}},
        {"clicks", kSum, {M::kClicks}}},
       {kChannel}},
      {"clicks",
       {{"clicks", kSum, {M::kClicks}},
        {"bot_clicks", kSum, {M::kBotClicks}},
        {"unique_clicks", kSum, {M::kUniqueClicks}},
        {"delivered", kSum, {M::kDelivered}},
        {"click_rate", kRatio, {M::kUniqueClicks}, {M::kDelivered}},
        {"bot_share", kRatio, {M::kBotClicks}, {M::kBotClicks, M::kClicks}}},
       {kLink, kBroadcast, kChannel}},
      {"answers",
       {{"answered", kSum, {M::kAnswered}},
        {"answer_seconds", kRatio, {M::kAnsweredSeconds}, {M::kAnswered}},
        {"answer_seconds_p50", kQuantile, {M::kAnsweredAges}, {}, -1, 0.5},
        {"answer_seconds_p90", kQuantile, {M::kAnsweredAges}, {}, -1, 0.9}},
       {kNetwork, kSim}},
  };
  return reports;
}

std::string SourceName(int64_t kind, Metric metric) {
  if (metric == M::kFailed || metric == M::kSkipped) {
    return std::string(
        absl::StripPrefix(common::DeliveryReason_Name(static_cast<common::DeliveryReason>(kind)),
                          "DELIVERY_REASON_"));
  }
  switch (kind) {
    case kRegistration:
      return "REGISTRATION";
    case kMessage:
      return "MESSAGE";
    case kReturn:
      return "RETURN";
    case kStopWord:
      return "STOP_WORD";
    case kStoppedByApi:
      return "STOPPED_BY_API";
    case kStoppedByNetwork:
      return "STOPPED_BY_NETWORK";
    case kContact:
      return "CONTACT";
    case kGroup:
      return "GROUP";
    case kApi:
      return "API";
    case kRule:
      return "RULE";
    case kAgent:
      return "AGENT";
    default:
      return "";
  }
}

}  // namespace

std::vector<Metric> Report::Metrics(bool levels, v1::GroupBy group_by) const {
  std::vector<Metric> metrics;
  for (const Field& field : fields) {
    if ((field.measure == kLevel) != levels) continue;
    metrics.insert(metrics.end(), field.metrics.begin(), field.metrics.end());
    metrics.insert(metrics.end(), field.less.begin(), field.less.end());
  }
  std::sort(metrics.begin(), metrics.end());
  metrics.erase(std::unique(metrics.begin(), metrics.end()), metrics.end());
  if (group_by != v1::GROUP_BY_SOURCE || with_source.empty()) return metrics;
  metrics.erase(std::remove_if(metrics.begin(), metrics.end(),
                               [&](Metric metric) {
                                 return std::find(with_source.begin(), with_source.end(), metric) ==
                                        with_source.end();
                               }),
                metrics.end());
  return metrics;
}

bool Report::Has(v1::GroupBy group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

const Report* FindReport(absl::string_view name) {
  const auto found = std::find_if(Reports().begin(), Reports().end(),
                                  [&](const Report& report) { return report.name == name; });
  return found == Reports().end() ? nullptr : &*found;
}

std::string GroupName(v1::GroupBy group_by, int64_t group, Metric metric) {
  if (group_by == v1::GROUP_BY_SOURCE) return SourceName(group, metric);
  if (group == 0) return "";
  switch (group_by) {
    case v1::GROUP_BY_NETWORK:
      return std::string(
          absl::StripPrefix(common::Network_Name(static_cast<common::Network>(group)), "NETWORK_"));
    case v1::GROUP_BY_SIM:
      return FormatId("sim", group);
    case v1::GROUP_BY_CHANNEL:
      return FormatId("chn", group);
    case v1::GROUP_BY_BROADCAST:
      return FormatId("brd", group);
    case v1::GROUP_BY_LINK:
      return FormatId("lnk", group);
    default:
      return "";
  }
}

}  // namespace mo::statistics
