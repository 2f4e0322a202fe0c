#include "services/statistics/rollup.h"

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "libs/runtime/clock.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/statistics/store.h"

namespace mo::statistics {
namespace {

namespace channels = messageorganizer::channels::v1;
namespace contacts = messageorganizer::contacts::v1;
namespace inbox = messageorganizer::inbox::v1;

// The metric that an event of a type counts for; most types count for none.
std::optional<Metric> MetricOf(const std::string& type) {
  static const auto& metrics = *new absl::flat_hash_map<std::string, Metric>{
      {contacts::ContactRegistered::descriptor()->full_name(), Metric::kRegistered},
      {contacts::ContactActivated::descriptor()->full_name(), Metric::kActivated},
      {contacts::ContactStopped::descriptor()->full_name(), Metric::kStopped},
      {channels::SubscriptionCreated::descriptor()->full_name(), Metric::kSubscribed},
      {channels::SubscriptionDeleted::descriptor()->full_name(), Metric::kUnsubscribed},
      {channels::SubscriptionsSwept::descriptor()->full_name(), Metric::kUnsubscribed},
      {inbox::MessageReceived::descriptor()->full_name(), Metric::kReceived},
      {inbox::MessageCreated::descriptor()->full_name(), Metric::kCreated},
  };
  const auto found = metrics.find(type);
  if (found == metrics.end()) return std::nullopt;
  return found->second;
}

// What an event counts for: most are about one thing.
int64_t CountOf(const events::Event& event) {
  const auto swept = events::As<channels::SubscriptionsSwept>(event);
  return swept ? swept->count() : 1;
}

}  // namespace

bool Counts(const events::Event& event) { return MetricOf(event.envelope.type()).has_value(); }

absl::Status RollUp(storage::Transaction& tx, const std::vector<events::Event>& batch) {
  Tally tally;
  for (const events::Event& event : batch) {
    const std::optional<Metric> metric = MetricOf(event.envelope.type());
    if (!metric) continue;
    const absl::Time time = FromProto(event.envelope.time());
    if (time == absl::InfinitePast()) return absl::InvalidArgumentError("the event has no time");
    constexpr int64_t kHour = 3600;
    const absl::Time hour = absl::FromUnixSeconds(absl::ToUnixSeconds(time) / kHour * kHour);
    tally[{event.envelope.account_id(), hour, *metric}] += CountOf(event);
  }
  if (!tally.empty()) AddTally(tx, tally);
  return absl::OkStatus();
}

}  // namespace mo::statistics
