// statistics.v1.StatisticsService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/statistics/v1/statistics.grpc.pb.h"
#include "services/statistics/statistics.h"

namespace mo::statistics {

// One line per RPC; the work is in Statistics.
class Service final : public v1::StatisticsService::CallbackService {
 public:
  Service(Rpc& rpc, Statistics& statistics) : rpc_(rpc), statistics_(statistics) {}

  grpc::ServerUnaryReactor* GetSubscribers(grpc::CallbackServerContext* context,
                                           const v1::GetSubscribersRequest* request,
                                           v1::GetSubscribersResponse* response) override;
  grpc::ServerUnaryReactor* GetTraffic(grpc::CallbackServerContext* context,
                                       const v1::GetTrafficRequest* request,
                                       v1::GetTrafficResponse* response) override;

 private:
  Rpc& rpc_;
  Statistics& statistics_;
};

}  // namespace mo::statistics
