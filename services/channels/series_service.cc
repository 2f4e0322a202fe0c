#include "services/channels/series_service.h"

namespace mo::channels {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* SeriesService::CreateSeries(Context* context, const v1::CreateSeriesRequest* request,
                                     v1::Series* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.Create(c, *request); });
}

Reactor* SeriesService::GetSeries(Context* context, const v1::GetSeriesRequest* request,
                                  v1::Series* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.Get(c, *request); });
}

Reactor* SeriesService::ListSeries(Context* context, const v1::ListSeriesRequest* request,
                                   v1::ListSeriesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.List(c, *request); });
}

Reactor* SeriesService::UpdateSeries(Context* context, const v1::UpdateSeriesRequest* request,
                                     v1::Series* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.Update(c, *request); });
}

Reactor* SeriesService::DeleteSeries(Context* context, const v1::DeleteSeriesRequest* request,
                                     google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.Delete(c, *request); });
}

Reactor* SeriesService::PauseSeries(Context* context, const v1::PauseSeriesRequest* request,
                                    v1::Series* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.Pause(c, *request); });
}

Reactor* SeriesService::ResumeSeries(Context* context, const v1::ResumeSeriesRequest* request,
                                     v1::Series* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return series_.Resume(c, *request); });
}

}  // namespace mo::channels
