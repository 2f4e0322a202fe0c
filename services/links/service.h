// links.v1.LinkService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/links/v1/links.grpc.pb.h"
#include "services/links/links.h"

namespace mo::links {

// One line per RPC; the work is in Links.
class Service final : public v1::LinkService::CallbackService {
 public:
  Service(Rpc& rpc, Links& links) : rpc_(rpc), links_(links) {}

  grpc::ServerUnaryReactor* CreateLink(grpc::CallbackServerContext* context,
                                       const v1::CreateLinkRequest* request,
                                       v1::Link* response) override;
  grpc::ServerUnaryReactor* GetLink(grpc::CallbackServerContext* context,
                                    const v1::GetLinkRequest* request, v1::Link* response) override;
  grpc::ServerUnaryReactor* ListLinks(grpc::CallbackServerContext* context,
                                      const v1::ListLinksRequest* request,
                                      v1::ListLinksResponse* response) override;
  grpc::ServerUnaryReactor* DeleteLink(grpc::CallbackServerContext* context,
                                       const v1::DeleteLinkRequest* request,
                                       google::protobuf::Empty* response) override;

 private:
  Rpc& rpc_;
  Links& links_;
};

}  // namespace mo::links
