#include "services/sims/tallies.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {
namespace {

// Whether a state is of those that are told of.
bool IsTold(common::DeliveryState state) {
  return state != common::DELIVERY_STATE_QUEUED && state != common::DELIVERY_STATE_ATTEMPTING;
}

void Fill(const std::map<int64_t, int64_t>& ages,
          google::protobuf::RepeatedPtrField<v1::AgeCount>& counts) {
  for (const auto& [seconds, count] : ages) {
    v1::AgeCount& entry = *counts.Add();
    entry.set_seconds(seconds);
    entry.set_count(count);
  }
}

}  // namespace

Tallies::Tally& Tallies::At(Of of) {
  const bool broadcast = absl::StartsWith(of.group, "brd_");
  return tallies_[{of.sim_id, of.lane, of.message_class,
                   broadcast ? std::string(of.group) : std::string()}];
}

void Tallies::Add(Of of, absl::string_view before, absl::string_view after, absl::Duration age) {
  Tally& tally = At(of);
  int64_t delivered = 0, read = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    if (before[i] == after[i]) continue;
    --tally.change[static_cast<unsigned char>(before[i])];
    ++tally.change[static_cast<unsigned char>(after[i])];
    const common::DeliveryState now = Unpack(after[i]).state;
    const common::DeliveryState was = Unpack(before[i]).state;
    if (now == common::DELIVERY_STATE_READ) ++read;
    if (now == common::DELIVERY_STATE_DELIVERED ||
        (now == common::DELIVERY_STATE_READ && was != common::DELIVERY_STATE_DELIVERED))
      ++delivered;
  }
  const int64_t seconds = std::max<int64_t>(0, absl::ToInt64Seconds(age));
  if (delivered != 0) tally.delivered[seconds] += delivered;
  if (read != 0) tally.read[seconds] += read;
}

void Tallies::Submitted(Of of, absl::string_view status) {
  Tally& tally = At(of);
  tally.audience += static_cast<int64_t>(status.size());
  for (const char byte : status) ++tally.change[static_cast<unsigned char>(byte)];
}

absl::Status Tallies::Tell(storage::Transaction& tx, events::Outbox& outbox,
                           int64_t account_id) const {
  v1::DeliveriesCounted event;
  for (const auto& [of, tally] : tallies_) {
    v1::DeliveryTally told;
    common::DeliveryCounts& change = *told.mutable_change();
    for (size_t bits = 0; bits < tally.change.size(); ++bits) {
      const Standing standing = Unpack(static_cast<char>(bits));
      if (tally.change[bits] != 0 && IsTold(standing.state))
        AddCount(standing, tally.change[bits], change);
    }
    if (tally.audience != 0) change.set_audience(tally.audience);
    if (change.ByteSizeLong() == 0) continue;
    Fill(tally.delivered, *told.mutable_delivered());
    Fill(tally.read, *told.mutable_read());
    told.set_sim_id(FormatId("sim", std::get<0>(of)));
    told.set_lane(std::get<1>(of));
    told.set_message_class(std::get<2>(of));
    told.set_broadcast_id(std::get<3>(of));
    *event.add_tallies() = std::move(told);
  }
  if (event.tallies().empty()) return absl::OkStatus();
  return outbox.Append(tx, account_id, FormatId("acc", account_id), event);
}

}  // namespace mo::sims
