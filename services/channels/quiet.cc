#include "services/channels/quiet.h"

#include "libs/runtime/status.h"

namespace mo::channels {

namespace accounts_v1 = messageorganizer::accounts::v1;

absl::Status Quiet::Apply(int64_t account_id, v1::Broadcast& broadcast) {
  broadcast.clear_applied_quiet_hours();
  if (broadcast.ignore_quiet_hours()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(
      const accounts_v1::Settings settings,
      accounts_.Call(&accounts_v1::AccountService::Stub::GetSettings,
                     ServiceCaller("channels", account_id), accounts_v1::GetSettingsRequest()));
  if (!broadcast.has_quiet_hours() && !settings.has_quiet_hours()) return absl::OkStatus();
  const auto& hours =
      broadcast.has_quiet_hours() ? broadcast.quiet_hours() : settings.quiet_hours();
  auto& applied = *broadcast.mutable_applied_quiet_hours();
  applied.set_start(hours.start());
  applied.set_end(hours.end());
  applied.set_time_zone(settings.time_zone());
  return absl::OkStatus();
}

}  // namespace mo::channels
