#include "services/statistics/service.h"

namespace mo::statistics {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::GetSubscribers(Context* context, const v1::GetSubscribersRequest* request,
                                 v1::GetSubscribersResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return statistics_.GetSubscribers(c, *request); });
}

Reactor* Service::GetTraffic(Context* context, const v1::GetTrafficRequest* request,
                             v1::GetTrafficResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return statistics_.GetTraffic(c, *request); });
}

}  // namespace mo::statistics
