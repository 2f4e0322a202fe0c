#include "services/channels/service.h"

namespace mo::channels {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* ChannelService::CreateChannel(Context* context, const v1::CreateChannelRequest* request,
                                       v1::Channel* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return channels_.Create(c, *request); });
}

Reactor* ChannelService::GetChannel(Context* context, const v1::GetChannelRequest* request,
                                    v1::Channel* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return channels_.Get(c, *request); });
}

Reactor* ChannelService::ListChannels(Context* context, const v1::ListChannelsRequest* request,
                                      v1::ListChannelsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return channels_.List(c, *request); });
}

Reactor* ChannelService::UpdateChannel(Context* context, const v1::UpdateChannelRequest* request,
                                       v1::Channel* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return channels_.Update(c, *request); });
}

Reactor* ChannelService::DeleteChannel(Context* context, const v1::DeleteChannelRequest* request,
                                       google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return channels_.Delete(c, *request); });
}

Reactor* ChannelService::Subscribe(Context* context, const v1::SubscribeRequest* request,
                                   v1::Subscription* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return subscriptions_.Subscribe(c, *request); });
}

Reactor* ChannelService::Unsubscribe(Context* context, const v1::UnsubscribeRequest* request,
                                     google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return subscriptions_.Unsubscribe(c, *request); });
}

Reactor* ChannelService::ListSubscriptions(Context* context,
                                           const v1::ListSubscriptionsRequest* request,
                                           v1::ListSubscriptionsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return subscriptions_.List(c, *request); });
}

Reactor* ChannelService::ListKeywords(Context* context, const v1::ListKeywordsRequest* request,
                                      v1::ListKeywordsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return channels_.ListKeywords(c, *request); });
}

Reactor* ChannelService::UnsubscribeAll(Context* context, const v1::UnsubscribeAllRequest* request,
                                        google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return subscriptions_.UnsubscribeAll(c, *request);
  });
}

Reactor* BroadcastService::CreateBroadcast(Context* context,
                                           const v1::CreateBroadcastRequest* request,
                                           v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return broadcasts_.Create(c, *request); });
}

Reactor* BroadcastService::GetBroadcast(Context* context, const v1::GetBroadcastRequest* request,
                                        v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return broadcasts_.Get(c, *request); });
}

Reactor* BroadcastService::ListBroadcasts(Context* context,
                                          const v1::ListBroadcastsRequest* request,
                                          v1::ListBroadcastsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return broadcasts_.List(c, *request); });
}

Reactor* BroadcastService::PauseBroadcast(Context* context,
                                          const v1::PauseBroadcastRequest* request,
                                          v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return broadcasts_.Pause(c, *request); });
}

Reactor* BroadcastService::ResumeBroadcast(Context* context,
                                           const v1::ResumeBroadcastRequest* request,
                                           v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return broadcasts_.Resume(c, *request); });
}

Reactor* BroadcastService::CancelBroadcast(Context* context,
                                           const v1::CancelBroadcastRequest* request,
                                           v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return broadcasts_.Cancel(c, *request); });
}

Reactor* BroadcastService::GetLedger(Context* context, const v1::GetLedgerRequest* request,
                                     v1::Ledger* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledgers_.Get(c, *request); });
}

Reactor* BroadcastService::ListDeliveries(Context* context,
                                          const v1::ListDeliveriesRequest* request,
                                          v1::ListDeliveriesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledgers_.ListDeliveries(c, *request); });
}

}  // namespace mo::channels
