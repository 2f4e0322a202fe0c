// media.v1.MediaService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/media/media.h"

namespace mo::media {

// One line per RPC; the work is in Media.
class Service final : public v1::MediaService::CallbackService {
 public:
  Service(Rpc& rpc, Media& media) : rpc_(rpc), media_(media) {}

  grpc::ServerUnaryReactor* UploadMedia(grpc::CallbackServerContext* context,
                                        const v1::UploadMediaRequest* request,
                                        v1::MediaFile* response) override;
  grpc::ServerUnaryReactor* GetMedia(grpc::CallbackServerContext* context,
                                     const v1::GetMediaRequest* request,
                                     v1::MediaFile* response) override;
  grpc::ServerUnaryReactor* DownloadMedia(grpc::CallbackServerContext* context,
                                          const v1::DownloadMediaRequest* request,
                                          google::api::HttpBody* response) override;
  grpc::ServerUnaryReactor* StoreInboundMedia(grpc::CallbackServerContext* context,
                                              const v1::StoreInboundMediaRequest* request,
                                              v1::MediaFile* response) override;

 private:
  Rpc& rpc_;
  Media& media_;
};

}  // namespace mo::media
