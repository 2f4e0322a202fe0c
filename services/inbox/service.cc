#include "services/inbox/service.h"

namespace mo::inbox {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::SendMessage(Context* context, const v1::SendMessageRequest* request,
                              v1::Message* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return messages_.Send(c, *request); });
}

Reactor* Service::GetMessage(Context* context, const v1::GetMessageRequest* request,
                             v1::Message* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return messages_.Get(c, *request); });
}

Reactor* Service::CancelMessage(Context* context, const v1::CancelMessageRequest* request,
                                v1::Message* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return messages_.Cancel(c, *request); });
}

Reactor* Service::ListConversations(Context* context, const v1::ListConversationsRequest* request,
                                    v1::ListConversationsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return conversations_.List(c, *request); });
}

Reactor* Service::GetConversation(Context* context, const v1::GetConversationRequest* request,
                                  v1::Conversation* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return conversations_.Get(c, *request); });
}

Reactor* Service::ListTimeline(Context* context, const v1::ListTimelineRequest* request,
                               v1::ListTimelineResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return conversations_.ListTimeline(c, *request);
  });
}

Reactor* Service::MarkRead(Context* context, const v1::MarkReadRequest* request,
                           v1::Conversation* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return conversations_.MarkRead(c, *request); });
}

Reactor* Service::ListReceived(Context* context, const v1::ListReceivedRequest* request,
                               v1::ListReceivedResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return messages_.ListReceived(c, *request); });
}

}  // namespace mo::inbox
