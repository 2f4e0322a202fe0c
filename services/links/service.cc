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

}  // namespace mo::links
