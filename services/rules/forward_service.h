// rules.v1.ForwardService and WebhookService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/rules/v1/forwards.grpc.pb.h"
#include "messageorganizer/rules/v1/webhooks.grpc.pb.h"
#include "services/rules/forwards.h"
#include "services/rules/webhooks.h"

namespace mo::rules {

// One line per RPC; the work is in Forwards.
class ForwardService final : public v1::ForwardService::CallbackService {
 public:
  ForwardService(Rpc& rpc, Forwards& forwards) : rpc_(rpc), forwards_(forwards) {}

  grpc::ServerUnaryReactor* ListForwards(grpc::CallbackServerContext* context,
                                         const v1::ListForwardsRequest* request,
                                         v1::ListForwardsResponse* response) override;
  grpc::ServerUnaryReactor* GetForward(grpc::CallbackServerContext* context,
                                       const v1::GetForwardRequest* request,
                                       v1::Forward* response) override;
  grpc::ServerUnaryReactor* RetryForward(grpc::CallbackServerContext* context,
                                         const v1::RetryForwardRequest* request,
                                         v1::Forward* response) override;
  grpc::ServerUnaryReactor* RotateForwardSecret(grpc::CallbackServerContext* context,
                                                const v1::RotateForwardSecretRequest* request,
                                                v1::RotateForwardSecretResponse* response) override;

 private:
  Rpc& rpc_;
  Forwards& forwards_;
};

// One line per RPC; the work is in Webhooks.
class WebhookService final : public v1::WebhookService::CallbackService {
 public:
  WebhookService(Rpc& rpc, Webhooks& webhooks) : rpc_(rpc), webhooks_(webhooks) {}

  grpc::ServerUnaryReactor* CreateWebhook(grpc::CallbackServerContext* context,
                                          const v1::CreateWebhookRequest* request,
                                          v1::CreateWebhookResponse* response) override;
  grpc::ServerUnaryReactor* GetWebhook(grpc::CallbackServerContext* context,
                                       const v1::GetWebhookRequest* request,
                                       v1::Webhook* response) override;
  grpc::ServerUnaryReactor* ListWebhooks(grpc::CallbackServerContext* context,
                                         const v1::ListWebhooksRequest* request,
                                         v1::ListWebhooksResponse* response) override;
  grpc::ServerUnaryReactor* UpdateWebhook(grpc::CallbackServerContext* context,
                                          const v1::UpdateWebhookRequest* request,
                                          v1::Webhook* response) override;
  grpc::ServerUnaryReactor* DeleteWebhook(grpc::CallbackServerContext* context,
                                          const v1::DeleteWebhookRequest* request,
                                          google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* RotateWebhookSecret(grpc::CallbackServerContext* context,
                                                const v1::RotateWebhookSecretRequest* request,
                                                v1::RotateWebhookSecretResponse* response) override;
  grpc::ServerUnaryReactor* ReplayWebhook(grpc::CallbackServerContext* context,
                                          const v1::ReplayWebhookRequest* request,
                                          v1::ReplayWebhookResponse* response) override;
  grpc::ServerUnaryReactor* ListDeliveries(grpc::CallbackServerContext* context,
                                           const v1::ListDeliveriesRequest* request,
                                           v1::ListDeliveriesResponse* response) override;

 private:
  Rpc& rpc_;
  Webhooks& webhooks_;
};

}  // namespace mo::rules
