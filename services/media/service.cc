#include "services/media/service.h"

namespace mo::media {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::UploadMedia(Context* context, const v1::UploadMediaRequest* request,
                              v1::MediaFile* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return media_.Upload(c, *request); });
}

Reactor* Service::GetMedia(Context* context, const v1::GetMediaRequest* request,
                           v1::MediaFile* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return media_.Get(c, *request); });
}

Reactor* Service::DownloadMedia(Context* context, const v1::DownloadMediaRequest* request,
                                google::api::HttpBody* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return media_.Download(c, *request); });
}

Reactor* Service::StoreInboundMedia(Context* context, const v1::StoreInboundMediaRequest* request,
                                    v1::MediaFile* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return media_.StoreInbound(c, *request); });
}

}  // namespace mo::media
