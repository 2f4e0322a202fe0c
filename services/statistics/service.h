// statistics.v1.StatisticsService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/statistics/v1/statistics.grpc.pb.h"
#include "services/statistics/prices.h"
#include "services/statistics/recounting.h"
#include "services/statistics/statistics.h"

namespace mo::statistics {

// One line per RPC; the work is in Statistics and Recounting.
class Service final : public v1::StatisticsService::CallbackService {
 public:
  Service(Rpc& rpc, Statistics& statistics, Prices& prices, Recounting& recounting)
      : rpc_(rpc), statistics_(statistics), prices_(prices), recounting_(recounting) {}

  grpc::ServerUnaryReactor* GetSubscribers(grpc::CallbackServerContext* context,
                                           const v1::GetSubscribersRequest* request,
                                           v1::GetSubscribersResponse* response) override;
  grpc::ServerUnaryReactor* GetTraffic(grpc::CallbackServerContext* context,
                                       const v1::GetTrafficRequest* request,
                                       v1::GetTrafficResponse* response) override;
  grpc::ServerUnaryReactor* GetSignups(grpc::CallbackServerContext* context,
                                       const v1::GetSignupsRequest* request,
                                       v1::GetSignupsResponse* response) override;
  grpc::ServerUnaryReactor* GetDeliveries(grpc::CallbackServerContext* context,
                                          const v1::GetDeliveriesRequest* request,
                                          v1::GetDeliveriesResponse* response) override;
  grpc::ServerUnaryReactor* GetOccupancy(grpc::CallbackServerContext* context,
                                         const v1::GetOccupancyRequest* request,
                                         v1::GetOccupancyResponse* response) override;
  grpc::ServerUnaryReactor* GetChannelNumbers(grpc::CallbackServerContext* context,
                                              const v1::GetChannelNumbersRequest* request,
                                              v1::GetChannelNumbersResponse* response) override;
  grpc::ServerUnaryReactor* GetClicks(grpc::CallbackServerContext* context,
                                      const v1::GetClicksRequest* request,
                                      v1::GetClicksResponse* response) override;
  grpc::ServerUnaryReactor* GetAnswers(grpc::CallbackServerContext* context,
                                       const v1::GetAnswersRequest* request,
                                       v1::GetAnswersResponse* response) override;
  grpc::ServerUnaryReactor* GetUsage(grpc::CallbackServerContext* context,
                                     const v1::GetUsageRequest* request,
                                     v1::GetUsageResponse* response) override;
  grpc::ServerUnaryReactor* DownloadStatistics(grpc::CallbackServerContext* context,
                                               const v1::DownloadStatisticsRequest* request,
                                               google::api::HttpBody* response) override;
  grpc::ServerUnaryReactor* StartRecount(grpc::CallbackServerContext* context,
                                         const v1::StartRecountRequest* request,
                                         v1::Recount* response) override;
  grpc::ServerUnaryReactor* GetRecount(grpc::CallbackServerContext* context,
                                       const v1::GetRecountRequest* request,
                                       v1::Recount* response) override;
  grpc::ServerUnaryReactor* GetMessagePrices(grpc::CallbackServerContext* context,
                                             const v1::GetMessagePricesRequest* request,
                                             v1::MessagePrices* response) override;
  grpc::ServerUnaryReactor* UpdateMessagePrices(grpc::CallbackServerContext* context,
                                                const v1::UpdateMessagePricesRequest* request,
                                                v1::MessagePrices* response) override;

 private:
  Rpc& rpc_;
  Statistics& statistics_;
  Prices& prices_;
  Recounting& recounting_;
};

}  // namespace mo::statistics
