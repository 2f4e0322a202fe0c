// links.v1.LinkService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/links/v1/links.grpc.pb.h"
#include "services/links/clicks.h"
#include "services/links/link_settings.h"
#include "services/links/links.h"
#include "services/links/shorten.h"

namespace mo::links {

// One line per RPC; the work is elsewhere.
class Service final : public v1::LinkService::CallbackService {
 public:
  Service(Rpc& rpc, Links& links, Settings& settings, Clicks& clicks, Shortener& shortener)
      : rpc_(rpc), links_(links), settings_(settings), clicks_(clicks), shortener_(shortener) {}

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

  grpc::ServerUnaryReactor* UpdateLink(grpc::CallbackServerContext* context,
                                       const v1::UpdateLinkRequest* request,
                                       v1::Link* response) override;
  grpc::ServerUnaryReactor* GetLinkStatistics(grpc::CallbackServerContext* context,
                                              const v1::GetLinkStatisticsRequest* request,
                                              v1::LinkStatistics* response) override;
  grpc::ServerUnaryReactor* ListClicks(grpc::CallbackServerContext* context,
                                       const v1::ListClicksRequest* request,
                                       v1::ListClicksResponse* response) override;
  grpc::ServerUnaryReactor* ListContactClicks(grpc::CallbackServerContext* context,
                                              const v1::ListContactClicksRequest* request,
                                              v1::ListContactClicksResponse* response) override;
  grpc::ServerUnaryReactor* GetLinkSettings(grpc::CallbackServerContext* context,
                                            const v1::GetLinkSettingsRequest* request,
                                            v1::LinkSettings* response) override;
  grpc::ServerUnaryReactor* UpdateLinkSettings(grpc::CallbackServerContext* context,
                                               const v1::UpdateLinkSettingsRequest* request,
                                               v1::LinkSettings* response) override;
  grpc::ServerUnaryReactor* ShortenLinks(grpc::CallbackServerContext* context,
                                         const v1::ShortenLinksRequest* request,
                                         v1::ShortenLinksResponse* response) override;

 private:
  Rpc& rpc_;
  Links& links_;
  Settings& settings_;
  Clicks& clicks_;
  Shortener& shortener_;
};

}  // namespace mo::links
