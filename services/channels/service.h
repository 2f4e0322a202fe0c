// channels.v1.ChannelService and BroadcastService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/channels/v1/broadcasts.grpc.pb.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "services/channels/broadcasts.h"
#include "services/channels/channels.h"
#include "services/channels/ledger.h"
#include "services/channels/subscriptions.h"

namespace mo::channels {

// One line per RPC; the work is in Channels and Subscriptions.
class ChannelService final : public v1::ChannelService::CallbackService {
 public:
  ChannelService(Rpc& rpc, Channels& channels, Subscriptions& subscriptions)
      : rpc_(rpc), channels_(channels), subscriptions_(subscriptions) {}

  grpc::ServerUnaryReactor* CreateChannel(grpc::CallbackServerContext* context,
                                          const v1::CreateChannelRequest* request,
                                          v1::Channel* response) override;
  grpc::ServerUnaryReactor* GetChannel(grpc::CallbackServerContext* context,
                                       const v1::GetChannelRequest* request,
                                       v1::Channel* response) override;
  grpc::ServerUnaryReactor* ListChannels(grpc::CallbackServerContext* context,
                                         const v1::ListChannelsRequest* request,
                                         v1::ListChannelsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateChannel(grpc::CallbackServerContext* context,
                                          const v1::UpdateChannelRequest* request,
                                          v1::Channel* response) override;
  grpc::ServerUnaryReactor* DeleteChannel(grpc::CallbackServerContext* context,
                                          const v1::DeleteChannelRequest* request,
                                          google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* Subscribe(grpc::CallbackServerContext* context,
                                      const v1::SubscribeRequest* request,
                                      v1::Subscription* response) override;
  grpc::ServerUnaryReactor* Unsubscribe(grpc::CallbackServerContext* context,
                                        const v1::UnsubscribeRequest* request,
                                        google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ListSubscriptions(grpc::CallbackServerContext* context,
                                              const v1::ListSubscriptionsRequest* request,
                                              v1::ListSubscriptionsResponse* response) override;
  grpc::ServerUnaryReactor* ListKeywords(grpc::CallbackServerContext* context,
                                         const v1::ListKeywordsRequest* request,
                                         v1::ListKeywordsResponse* response) override;
  grpc::ServerUnaryReactor* UnsubscribeAll(grpc::CallbackServerContext* context,
                                           const v1::UnsubscribeAllRequest* request,
                                           google::protobuf::Empty* response) override;

 private:
  Rpc& rpc_;
  Channels& channels_;
  Subscriptions& subscriptions_;
};

// One line per RPC; the work is in Broadcasts and Ledgers.
class BroadcastService final : public v1::BroadcastService::CallbackService {
 public:
  BroadcastService(Rpc& rpc, Broadcasts& broadcasts, Ledgers& ledgers)
      : rpc_(rpc), broadcasts_(broadcasts), ledgers_(ledgers) {}

  grpc::ServerUnaryReactor* CreateBroadcast(grpc::CallbackServerContext* context,
                                            const v1::CreateBroadcastRequest* request,
                                            v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* GetBroadcast(grpc::CallbackServerContext* context,
                                         const v1::GetBroadcastRequest* request,
                                         v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* ListBroadcasts(grpc::CallbackServerContext* context,
                                           const v1::ListBroadcastsRequest* request,
                                           v1::ListBroadcastsResponse* response) override;
  grpc::ServerUnaryReactor* PauseBroadcast(grpc::CallbackServerContext* context,
                                           const v1::PauseBroadcastRequest* request,
                                           v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* ResumeBroadcast(grpc::CallbackServerContext* context,
                                            const v1::ResumeBroadcastRequest* request,
                                            v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* CancelBroadcast(grpc::CallbackServerContext* context,
                                            const v1::CancelBroadcastRequest* request,
                                            v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* GetLedger(grpc::CallbackServerContext* context,
                                      const v1::GetLedgerRequest* request,
                                      v1::Ledger* response) override;
  grpc::ServerUnaryReactor* ListDeliveries(grpc::CallbackServerContext* context,
                                           const v1::ListDeliveriesRequest* request,
                                           v1::ListDeliveriesResponse* response) override;

 private:
  Rpc& rpc_;
  Broadcasts& broadcasts_;
  Ledgers& ledgers_;
};

}  // namespace mo::channels
