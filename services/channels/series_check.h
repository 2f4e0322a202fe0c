// What a series must be, beyond the limits in its proto.
#pragma once

#include <set>
#include <string>

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "messageorganizer/channels/v1/series.pb.h"
#include "services/channels/broadcast_check.h"

namespace mo::channels {

// Checks what clients ask for. Fields are named "series.…".
class SeriesCheck {
 public:
  SeriesCheck(App& app, BroadcastCheck& broadcasts)
      : app_(app), broadcasts_(broadcasts), accounts_(app) {}

  // Each of these fields by itself.
  absl::Status Fields(const Caller& caller, const v1::Series& series,
                      const std::set<std::string>& fields, Problems& problems);
  // How start and end suit one another and the present, when they are among these fields; and its
  // quiet hours.
  void Times(const v1::Series& series, const std::set<std::string>& fields,
             Problems& problems) const;
  // Gives the schedule the account's time zone, if it has none.
  absl::Status SetTimeZone(const Caller& caller, v1::WeeklySchedule& schedule);

 private:
  App& app_;
  BroadcastCheck& broadcasts_;
  Client<messageorganizer::accounts::v1::AccountService> accounts_;
};

}  // namespace mo::channels
