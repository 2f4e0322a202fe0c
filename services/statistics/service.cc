#include "services/statistics/service.h"

namespace mo::statistics {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::GetSubscribers(Context* context, const v1::GetSubscribersRequest* request,
                                 v1::GetSubscribersResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetSubscribersResponse>("subscribers", c, *request);
  });
}

Reactor* Service::GetTraffic(Context* context, const v1::GetTrafficRequest* request,
                             v1::GetTrafficResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetTrafficResponse>("traffic", c, *request);
  });
}

Reactor* Service::GetSignups(Context* context, const v1::GetSignupsRequest* request,
                             v1::GetSignupsResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetSignupsResponse>("signups", c, *request);
  });
}

Reactor* Service::GetDeliveries(Context* context, const v1::GetDeliveriesRequest* request,
                                v1::GetDeliveriesResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetDeliveriesResponse>("deliveries", c, *request);
  });
}

Reactor* Service::GetOccupancy(Context* context, const v1::GetOccupancyRequest* request,
                               v1::GetOccupancyResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetOccupancyResponse>("occupancy", c, *request);
  });
}

Reactor* Service::GetChannelNumbers(Context* context, const v1::GetChannelNumbersRequest* request,
                                    v1::GetChannelNumbersResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetChannelNumbersResponse>("channels", c, *request);
  });
}

Reactor* Service::GetClicks(Context* context, const v1::GetClicksRequest* request,
                            v1::GetClicksResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetClicksResponse>("clicks", c, *request);
  });
}

Reactor* Service::GetAnswers(Context* context, const v1::GetAnswersRequest* request,
                             v1::GetAnswersResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return statistics_.Get<v1::GetAnswersResponse>("answers", c, *request);
  });
}

Reactor* Service::GetUsage(Context* context, const v1::GetUsageRequest* request,
                           v1::GetUsageResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return statistics_.GetUsage(c, *request); });
}

Reactor* Service::DownloadStatistics(Context* context, const v1::DownloadStatisticsRequest* request,
                                     google::api::HttpBody* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return statistics_.Download(c, *request); });
}

Reactor* Service::StartRecount(Context* context, const v1::StartRecountRequest* request,
                               v1::Recount* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return recounting_.Start(c, *request); });
}

Reactor* Service::GetRecount(Context* context, const v1::GetRecountRequest* request,
                             v1::Recount* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller&) { return recounting_.Get(); });
}

Reactor* Service::GetMessagePrices(Context* context, const v1::GetMessagePricesRequest* request,
                                   v1::MessagePrices* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return prices_.Get(c); });
}

Reactor* Service::UpdateMessagePrices(Context* context,
                                      const v1::UpdateMessagePricesRequest* request,
                                      v1::MessagePrices* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return prices_.Update(c, *request); });
}

}  // namespace mo::statistics
