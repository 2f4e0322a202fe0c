#include "services/links/service.h"

namespace mo::links {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::CreateLink(Context* context, const v1::CreateLinkRequest* request,
                             v1::Link* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return links_.Create(c, *request); });
}

Reactor* Service::GetLink(Context* context, const v1::GetLinkRequest* request, v1::Link* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return links_.Get(c, *request); });
}

Reactor* Service::ListLinks(Context* context, const v1::ListLinksRequest* request,
                            v1::ListLinksResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return links_.List(c, *request); });
}

Reactor* Service::DeleteLink(Context* context, const v1::DeleteLinkRequest* request,
                             google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return links_.Delete(c, *request); });
}

Reactor* Service::UpdateLink(Context* context, const v1::UpdateLinkRequest* request,
                             v1::Link* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return links_.Update(c, *request); });
}

Reactor* Service::GetLinkStatistics(Context* context, const v1::GetLinkStatisticsRequest* request,
                                    v1::LinkStatistics* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return clicks_.Statistics(c, *request); });
}

Reactor* Service::ListContactClicks(Context* context, const v1::ListContactClicksRequest* request,
                                    v1::ListContactClicksResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return clicks_.ListOfContact(c, *request); });
}

Reactor* Service::ListClicks(Context* context, const v1::ListClicksRequest* request,
                             v1::ListClicksResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return clicks_.List(c, *request); });
}

Reactor* Service::GetLinkSettings(Context* context, const v1::GetLinkSettingsRequest* request,
                                  v1::LinkSettings* response) {
  return rpc_.Serve(context, request, response,
                    [this](const Caller& c) { return settings_.Get(c); });
}

Reactor* Service::UpdateLinkSettings(Context* context, const v1::UpdateLinkSettingsRequest* request,
                                     v1::LinkSettings* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return settings_.Update(c, *request); });
}

Reactor* Service::ShortenLinks(Context* context, const v1::ShortenLinksRequest* request,
                               v1::ShortenLinksResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return shortener_.Shorten(c, *request); });
}

}  // namespace mo::links
