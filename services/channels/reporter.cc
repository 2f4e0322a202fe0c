#include "services/channels/reporter.h"

#include <map>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/channels/states.h"

namespace mo::channels {

namespace links_v1 = messageorganizer::links::v1;

namespace {

constexpr int32_t kBatch = 16;

}  // namespace

bool Reporter::Wants(const events::Event& event) {
  if (const auto clicked = events::As<links_v1::LinkClicked>(event))
    return !clicked->assignment().broadcast_id().empty();
  const auto progress = events::As<sims_v1::DispatchProgress>(event);
  return progress && ParseId("brd", progress->group());
}

absl::Status Reporter::Handle(storage::Transaction& tx, const std::vector<events::Event>& batch) {
  std::map<std::pair<int64_t, int64_t>, BroadcastKey> changed;
  ClicksByBroadcast clicks;
  for (const events::Event& event : batch) {
    if (const auto clicked = events::As<links_v1::LinkClicked>(event)) {
      const std::optional<int64_t> id = ParseId("brd", clicked->assignment().broadcast_id());
      if (!id) continue;
      v1::ClickTotals& totals = clicks[{event.envelope.account_id(), *id}];
      const links_v1::ClickCounts& counts = clicked->counts();
      totals.set_clicks(totals.clicks() + counts.clicks());
      totals.set_bot_clicks(totals.bot_clicks() + counts.bot_clicks());
      totals.set_unique_clicks(totals.unique_clicks() + counts.unique_clicks());
      continue;
    }
    const auto progress = events::As<sims_v1::DispatchProgress>(event);
    if (!progress) continue;
    const std::optional<int64_t> id = ParseId("brd", progress->group());
    if (!id) continue;
    changed[{event.envelope.account_id(), *id}] = {event.envelope.account_id(), *id};
  }
  if (changed.empty() && clicks.empty()) return absl::OkStatus();
  std::vector<BroadcastKey> keys;
  for (const auto& [order, key] : changed) keys.push_back(key);
  tx.AfterCommit(kick_);
  AddClicks(tx, clicks);
  if (!keys.empty()) Touch(tx, keys);
  return absl::OkStatus();
}

absl::StatusOr<bool> Reporter::RunOnce() {
  MO_ASSIGN_OR_RETURN(
      const std::vector<BroadcastKey> keys,
      database_.AsSystem([](storage::Transaction& tx) { return TakeTouched(tx, kBatch); }));
  for (const BroadcastKey& key : keys) {
    const absl::Status reported = Report(key);
    if (reported.ok()) continue;
    Log(LogLevel::kWarning, "broadcast will be reported later",
        {{"broadcast", FormatId("brd", key.id)}, {"error", std::string(reported.message())}});
    MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) {
      Touch(tx, {key});
      return absl::OkStatus();
    }));
  }
  return keys.size() == kBatch;
}

absl::Status Reporter::Report(BroadcastKey key) {
  MO_ASSIGN_OR_RETURN(const v1::Ledger ledger,
                      ledgers_.Read(ServiceCaller("channels", key.account_id), key));
  const common::DeliveryCounts& counts = ledger.counts();
  return database_.As(key.account_id, [&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, key));
    // SENDING: everybody is at sims, so nobody can become queued any more.
    if (broadcast.state() == v1::BROADCAST_STATE_SENDING && ledger.audience_complete() &&
        counts.queued() == 0 && counts.attempting() == 0) {
      broadcast.set_state(v1::BROADCAST_STATE_DONE);
      *broadcast.mutable_finish_time() = ToProto(app_.clock().Now());
      MO_RETURN_IF_ERROR(UpdateBroadcast(tx, key, broadcast));
    }
    if (broadcast.state() != v1::BROADCAST_STATE_SENDING) Unwatch(tx, key);
    v1::BroadcastChanged event;
    event.set_broadcast_id(broadcast.id());
    event.set_state(broadcast.state());
    *event.mutable_counts() = counts;
    *event.mutable_clicks() = ledger.clicks();
    return outbox_.Append(tx, key.account_id, broadcast.id(), event);
  });
}

}  // namespace mo::channels
