// Numbers over time of an account.
#pragma once

#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/statistics/v1/statistics.pb.h"

namespace mo::statistics {

namespace v1 = messageorganizer::statistics::v1;

// What the service does; service.cc only maps RPCs to it. The counting is in rollup.h.
class Statistics {
 public:
  Statistics(App& app, storage::Database& database) : app_(app), database_(database) {}

  absl::StatusOr<v1::GetSubscribersResponse> GetSubscribers(
      const Caller& caller, const v1::GetSubscribersRequest& request);
  absl::StatusOr<v1::GetTrafficResponse> GetTraffic(const Caller& caller,
                                                    const v1::GetTrafficRequest& request);

 private:
  App& app_;
  storage::Database& database_;
};

}  // namespace mo::statistics
