#include "services/rules/forward_service.h"

namespace mo::rules {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

}  // namespace

Reactor* ForwardService::ListForwards(Context* context, const v1::ListForwardsRequest* request,
                                      v1::ListForwardsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return forwards_.List(c, *request); });
}

Reactor* ForwardService::GetForward(Context* context, const v1::GetForwardRequest* request,
                                    v1::Forward* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return forwards_.Get(c, *request); });
}

Reactor* ForwardService::RetryForward(Context* context, const v1::RetryForwardRequest* request,
                                      v1::Forward* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return forwards_.Retry(c, *request); });
}

Reactor* ForwardService::RotateForwardSecret(Context* context,
                                             const v1::RotateForwardSecretRequest* request,
                                             v1::RotateForwardSecretResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return forwards_.Rotate(c); });
}

Reactor* WebhookService::CreateWebhook(Context* context, const v1::CreateWebhookRequest* request,
                                       v1::CreateWebhookResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.Create(c, *request); });
}

Reactor* WebhookService::GetWebhook(Context* context, const v1::GetWebhookRequest* request,
                                    v1::Webhook* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.Get(c, *request); });
}

Reactor* WebhookService::ListWebhooks(Context* context, const v1::ListWebhooksRequest* request,
                                      v1::ListWebhooksResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.List(c, *request); });
}

Reactor* WebhookService::UpdateWebhook(Context* context, const v1::UpdateWebhookRequest* request,
                                       v1::Webhook* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.Update(c, *request); });
}

Reactor* WebhookService::DeleteWebhook(Context* context, const v1::DeleteWebhookRequest* request,
                                       google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.Delete(c, *request); });
}

Reactor* WebhookService::RotateWebhookSecret(Context* context,
                                             const v1::RotateWebhookSecretRequest* request,
                                             v1::RotateWebhookSecretResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.Rotate(c, *request); });
}

Reactor* WebhookService::ReplayWebhook(Context* context, const v1::ReplayWebhookRequest* request,
                                       v1::ReplayWebhookResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.Replay(c, *request); });
}

Reactor* WebhookService::ListDeliveries(Context* context, const v1::ListDeliveriesRequest* request,
                                        v1::ListDeliveriesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return webhooks_.ListDeliveries(c, *request); });
}

}  // namespace mo::rules
