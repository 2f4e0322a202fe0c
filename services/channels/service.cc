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

Reactor* ChannelService::FindSubscriptions(Context* context,
                                           const v1::FindSubscriptionsRequest* request,
                                           v1::FindSubscriptionsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return subscriptions_.Find(c, *request); });
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
                    [=, this](const Caller& c) { return parts_.broadcasts.Create(c, *request); });
}

Reactor* BroadcastService::GetBroadcast(Context* context, const v1::GetBroadcastRequest* request,
                                        v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.broadcasts.Get(c, *request); });
}

Reactor* BroadcastService::ListBroadcasts(Context* context,
                                          const v1::ListBroadcastsRequest* request,
                                          v1::ListBroadcastsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.broadcasts.List(c, *request); });
}

Reactor* BroadcastService::UpdateBroadcast(Context* context,
                                           const v1::UpdateBroadcastRequest* request,
                                           v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.broadcasts.Update(c, *request); });
}

Reactor* BroadcastService::SendBroadcast(Context* context, const v1::SendBroadcastRequest* request,
                                         v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.broadcasts.Send(c, *request); });
}

Reactor* BroadcastService::DeleteBroadcast(Context* context,
                                           const v1::DeleteBroadcastRequest* request,
                                           google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.broadcasts.Delete(c, *request); });
}

Reactor* BroadcastService::PreviewBroadcast(Context* context,
                                            const v1::PreviewBroadcastRequest* request,
                                            v1::BroadcastPreview* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.preview.Of(c, *request); });
}

Reactor* BroadcastService::PreviewSavedBroadcast(Context* context,
                                                 const v1::PreviewSavedBroadcastRequest* request,
                                                 v1::BroadcastPreview* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.preview.OfSaved(c, *request); });
}

Reactor* BroadcastService::TestBroadcast(Context* context, const v1::TestBroadcastRequest* request,
                                         v1::TestBroadcastResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.tests.Send(c, *request); });
}

Reactor* BroadcastService::ResendFailed(Context* context, const v1::ResendFailedRequest* request,
                                        v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.resend.Failed(c, *request); });
}

Reactor* BroadcastService::PauseBroadcast(Context* context,
                                          const v1::PauseBroadcastRequest* request,
                                          v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.steering.Pause(c, *request); });
}

Reactor* BroadcastService::ResumeBroadcast(Context* context,
                                           const v1::ResumeBroadcastRequest* request,
                                           v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.steering.Resume(c, *request); });
}

Reactor* BroadcastService::CancelBroadcast(Context* context,
                                           const v1::CancelBroadcastRequest* request,
                                           v1::Broadcast* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.steering.Cancel(c, *request); });
}

Reactor* BroadcastService::GetLedger(Context* context, const v1::GetLedgerRequest* request,
                                     v1::Ledger* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.ledgers.Get(c, *request); });
}

Reactor* BroadcastService::ListDeliveries(Context* context,
                                          const v1::ListDeliveriesRequest* request,
                                          v1::ListDeliveriesResponse* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return parts_.ledgers.ListDeliveries(c, *request);
  });
}

Reactor* BroadcastService::DownloadDeliveries(Context* context,
                                              const v1::DownloadDeliveriesRequest* request,
                                              google::api::HttpBody* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return parts_.csv.Download(c, *request); });
}

}  // namespace mo::channels
