// channels.v1.SeriesService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/channels/v1/series.grpc.pb.h"
#include "services/channels/series.h"

namespace mo::channels {

// One line per RPC; the work is in Series.
class SeriesService final : public v1::SeriesService::CallbackService {
 public:
  SeriesService(Rpc& rpc, Series& series) : rpc_(rpc), series_(series) {}

  grpc::ServerUnaryReactor* CreateSeries(grpc::CallbackServerContext* context,
                                         const v1::CreateSeriesRequest* request,
                                         v1::Series* response) override;
  grpc::ServerUnaryReactor* GetSeries(grpc::CallbackServerContext* context,
                                      const v1::GetSeriesRequest* request,
                                      v1::Series* response) override;
  grpc::ServerUnaryReactor* ListSeries(grpc::CallbackServerContext* context,
                                       const v1::ListSeriesRequest* request,
                                       v1::ListSeriesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSeries(grpc::CallbackServerContext* context,
                                         const v1::UpdateSeriesRequest* request,
                                         v1::Series* response) override;
  grpc::ServerUnaryReactor* DeleteSeries(grpc::CallbackServerContext* context,
                                         const v1::DeleteSeriesRequest* request,
                                         google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* PauseSeries(grpc::CallbackServerContext* context,
                                        const v1::PauseSeriesRequest* request,
                                        v1::Series* response) override;
  grpc::ServerUnaryReactor* ResumeSeries(grpc::CallbackServerContext* context,
                                         const v1::ResumeSeriesRequest* request,
                                         v1::Series* response) override;

 private:
  Rpc& rpc_;
  Series& series_;
};

}  // namespace mo::channels
