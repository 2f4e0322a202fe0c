#include "services/sims/status_bytes.h"

#include <array>

namespace mo::sims {

bool Rises(common::DeliveryState now, common::DeliveryState next) {
  using namespace messageorganizer::common::v1;  // NOLINT: the enum's long names
  switch (next) {
    case DELIVERY_STATE_QUEUED:
    case DELIVERY_STATE_UNCERTAIN:
      return now == DELIVERY_STATE_ATTEMPTING;
    case DELIVERY_STATE_ATTEMPTING:
    case DELIVERY_STATE_SKIPPED:
      return now == DELIVERY_STATE_QUEUED;
    case DELIVERY_STATE_ACCEPTED:
    case DELIVERY_STATE_SENT:
      return now == DELIVERY_STATE_UNCERTAIN || (now >= DELIVERY_STATE_QUEUED && now < next);
    case DELIVERY_STATE_DELIVERED:
    case DELIVERY_STATE_READ:
      return now == DELIVERY_STATE_UNCERTAIN || now == DELIVERY_STATE_FAILED ||
             (now >= DELIVERY_STATE_QUEUED && now < next);
    case DELIVERY_STATE_FAILED:
      return now == DELIVERY_STATE_UNCERTAIN ||
             (now >= DELIVERY_STATE_ATTEMPTING && now <= DELIVERY_STATE_SENT);
    default:
      return false;
  }
}

bool IsComplete(absl::string_view status) {
  for (char byte : status) {
    const common::DeliveryState state = Unpack(byte).state;
    if (state == common::DELIVERY_STATE_QUEUED || state == common::DELIVERY_STATE_ATTEMPTING)
      return false;
  }
  return true;
}

void AddCount(Standing standing, int64_t count, common::DeliveryCounts& counts) {
  const auto* field =
      common::DeliveryCounts::descriptor()->FindFieldByNumber(static_cast<int>(standing.state) + 1);
  const auto* reflection = counts.GetReflection();
  reflection->SetInt64(&counts, field, reflection->GetInt64(counts, field) + count);
  if (standing.reason == common::DELIVERY_REASON_UNSPECIFIED) return;
  common::ReasonCount* entry = nullptr;
  for (auto& known : *counts.mutable_reasons()) {
    if (known.state() == standing.state && known.reason() == standing.reason) entry = &known;
  }
  if (entry == nullptr) {
    entry = counts.add_reasons();
    entry->set_state(standing.state);
    entry->set_reason(standing.reason);
  }
  entry->set_count(entry->count() + count);
}

void AddCounts(absl::string_view status, common::DeliveryCounts& counts) {
  std::array<int64_t, 256> seen{};
  for (char byte : status) ++seen[static_cast<unsigned char>(byte)];
  for (size_t bits = 0; bits < seen.size(); ++bits) {
    if (seen[bits] == 0) continue;
    counts.set_audience(counts.audience() + seen[bits]);
    AddCount(Unpack(static_cast<char>(bits)), seen[bits], counts);
  }
}

}  // namespace mo::sims
