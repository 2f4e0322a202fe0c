// channels.v1.ChannelService and BroadcastService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/channels/v1/broadcasts.grpc.pb.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "services/channels/broadcasts.h"
#include "services/channels/channels.h"
#include "services/channels/delivery_csv.h"
#include "services/channels/ledger.h"
#include "services/channels/preview.h"
#include "services/channels/resend.h"
#include "services/channels/steering.h"
#include "services/channels/subscriptions.h"
#include "services/channels/test_send.h"

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
  grpc::ServerUnaryReactor* FindSubscriptions(grpc::CallbackServerContext* context,
                                              const v1::FindSubscriptionsRequest* request,
                                              v1::FindSubscriptionsResponse* response) override;
  grpc::ServerUnaryReactor* UnsubscribeAll(grpc::CallbackServerContext* context,
                                           const v1::UnsubscribeAllRequest* request,
                                           google::protobuf::Empty* response) override;

 private:
  Rpc& rpc_;
  Channels& channels_;
  Subscriptions& subscriptions_;
};

// Who does the work of BroadcastService.
struct BroadcastParts {
  Broadcasts& broadcasts;
  Steering& steering;
  Ledgers& ledgers;
  Preview& preview;
  TestSend& tests;
  Resend& resend;
  DeliveryCsv& csv;
};

// One line per RPC; the work is in its parts.
class BroadcastService final : public v1::BroadcastService::CallbackService {
 public:
  BroadcastService(Rpc& rpc, const BroadcastParts& parts) : rpc_(rpc), parts_(parts) {}

  grpc::ServerUnaryReactor* CreateBroadcast(grpc::CallbackServerContext* context,
                                            const v1::CreateBroadcastRequest* request,
                                            v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* GetBroadcast(grpc::CallbackServerContext* context,
                                         const v1::GetBroadcastRequest* request,
                                         v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* ListBroadcasts(grpc::CallbackServerContext* context,
                                           const v1::ListBroadcastsRequest* request,
                                           v1::ListBroadcastsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateBroadcast(grpc::CallbackServerContext* context,
                                            const v1::UpdateBroadcastRequest* request,
                                            v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* SendBroadcast(grpc::CallbackServerContext* context,
                                          const v1::SendBroadcastRequest* request,
                                          v1::Broadcast* response) override;
  grpc::ServerUnaryReactor* DeleteBroadcast(grpc::CallbackServerContext* context,
                                            const v1::DeleteBroadcastRequest* request,
                                            google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* PreviewBroadcast(grpc::CallbackServerContext* context,
                                             const v1::PreviewBroadcastRequest* request,
                                             v1::BroadcastPreview* response) override;
  grpc::ServerUnaryReactor* PreviewSavedBroadcast(grpc::CallbackServerContext* context,
                                                  const v1::PreviewSavedBroadcastRequest* request,
                                                  v1::BroadcastPreview* response) override;
  grpc::ServerUnaryReactor* TestBroadcast(grpc::CallbackServerContext* context,
                                          const v1::TestBroadcastRequest* request,
                                          v1::TestBroadcastResponse* response) override;
  grpc::ServerUnaryReactor* ResendFailed(grpc::CallbackServerContext* context,
                                         const v1::ResendFailedRequest* request,
                                         v1::Broadcast* response) override;
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
  grpc::ServerUnaryReactor* DownloadDeliveries(grpc::CallbackServerContext* context,
                                               const v1::DownloadDeliveriesRequest* request,
                                               google::api::HttpBody* response) override;

 private:
  Rpc& rpc_;
  const BroadcastParts parts_;
};

}  // namespace mo::channels
