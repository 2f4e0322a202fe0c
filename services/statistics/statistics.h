// Numbers over time of an account.
#pragma once

#include <string>

#include "google/api/httpbody.pb.h"
#include "libs/runtime/app.h"
#include "libs/runtime/status.h"
#include "libs/storage/database.h"
#include "messageorganizer/statistics/v1/statistics.pb.h"
#include "services/statistics/reports.h"

namespace mo::statistics {

// What the service answers; service.cc only maps RPCs to it. The counting is in rollup.h.
class Statistics {
 public:
  Statistics(App& app, storage::Database& database) : app_(app), database_(database) {}

  // A statistic of reports.h. All requests are alike: one can be read as another.
  template <class Response, class Request>
  absl::StatusOr<Response> Get(absl::string_view report, const Caller& caller,
                               const Request& request) {
    v1::DownloadStatisticsRequest parameters;
    parameters.ParseFromString(request.SerializeAsString());
    Response response;
    MO_RETURN_IF_ERROR(Answer(*FindReport(report), caller, parameters, response));
    return response;
  }
  absl::StatusOr<v1::GetUsageResponse> GetUsage(const Caller& caller,
                                                const v1::GetUsageRequest& request);
  absl::StatusOr<google::api::HttpBody> Download(const Caller& caller,
                                                 const v1::DownloadStatisticsRequest& request);

 private:
  absl::Status Answer(const Report& report, const Caller& caller,
                      const v1::DownloadStatisticsRequest& request,
                      google::protobuf::Message& response);

  App& app_;
  storage::Database& database_;
};

}  // namespace mo::statistics
